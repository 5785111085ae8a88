package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxResolved is how many fields one request may ask for, fragments counted
// each time they are used.
const maxResolved = 5000

// An object is a GraphQL object whose fields are looked up when asked for.
type object struct {
	typeName string
	fields   map[string]resolver
}

// A resolver answers a field: with a scalar, an *object, a []*object, or nil.
type resolver func(ctx context.Context, args map[string]any) (any, error)

// constant is a field whose value is known.
func constant(v any) resolver {
	return func(context.Context, map[string]any) (any, error) { return v, nil }
}

// An execution answers one operation.
type execution struct {
	doc       *document
	variables map[string]any
	resolved  int
	errors    []*gqlError
	invalid   bool // an error that GitHub finds before it answers anything
}

// pick finds the operation to run.
func (doc *document) pick(name string) (*operation, *gqlError) {
	if name == "" && len(doc.operations) == 1 {
		return doc.operations[0], nil
	}
	for _, op := range doc.operations {
		if op.name == name && name != "" {
			return op, nil
		}
	}
	return nil, &gqlError{Message: "An operation name is required"}
}

// execute answers the operation with the query's root object.
func execute(ctx context.Context, doc *document, op *operation, variables map[string]any, root *object) (data *fields, errs []*gqlError) {
	x := &execution{doc: doc, variables: map[string]any{}}
	for _, v := range op.variables {
		if given, ok := variables[v.name]; ok {
			x.variables[v.name] = given
		} else {
			x.variables[v.name] = v.standard
		}
	}
	start := []any{op.kind}
	if op.name != "" {
		start = []any{op.kind + " " + op.name}
	}
	data = x.object(ctx, root, op.selections, start, nil, 0)
	if x.invalid {
		data = nil
	}
	return data, x.errors
}

// fields is a JSON object whose names stand in the order of the query.
type fields struct {
	names  []string
	values map[string]any
}

// MarshalJSON writes the fields in their order.
func (f *fields) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range f.names {
		value, err := json.Marshal(f.values[name])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", name, value)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// object answers the selections of one object. where names the place in the
// query, path the place in the answer.
func (x *execution) object(ctx context.Context, o *object, list []*selection, where, path []any, depth int) *fields {
	out := &fields{values: map[string]any{}}
	x.fill(ctx, out, o, list, where, path, depth)
	return out
}

func (x *execution) fill(ctx context.Context, out *fields, o *object, list []*selection, where, path []any, depth int) {
	for _, s := range list {
		if x.invalid || !x.wanted(s) {
			continue
		}
		if x.resolved++; x.resolved > maxResolved || depth > maxDepth {
			x.reject(&gqlError{Message: "The query is too large", Locations: []place{s.at}})
			return
		}
		switch {
		case s.inline && (s.on == "" || s.on == o.typeName):
			x.fill(ctx, out, o, s.selections, where, path, depth+1)
		case s.inline:
		case s.spread != "":
			f := x.doc.fragments[s.spread]
			if f == nil {
				x.reject(&gqlError{Message: fmt.Sprintf("Fragment %s was used, but not defined", s.spread), Locations: []place{s.at}})
			} else if f.on == o.typeName {
				x.fill(ctx, out, o, f.selections, where, path, depth+1) // a cycle ends at maxDepth
			}
		default:
			x.field(ctx, out, o, s, where, path, depth)
		}
	}
}

func (x *execution) reject(e *gqlError) {
	x.errors, x.invalid = append(x.errors, e), true
}

// wanted says what @include and @skip say.
func (x *execution) wanted(s *selection) bool {
	if d, ok := s.directives["skip"]; ok && x.value(d["if"]) == true {
		return false
	}
	if d, ok := s.directives["include"]; ok && x.value(d["if"]) == false {
		return false
	}
	return true
}

func (x *execution) field(ctx context.Context, out *fields, o *object, s *selection, where, path []any, depth int) {
	where = append(slices.Clip(where), s.alias)
	path = append(slices.Clip(path), s.alias)
	resolve, ok := o.fields[s.name]
	if s.name == "__typename" {
		resolve, ok = constant(o.typeName), true
	}
	if !ok {
		x.reject(&gqlError{
			Message:    fmt.Sprintf("Field '%s' doesn't exist on type '%s'", s.name, o.typeName),
			Path:       where,
			Locations:  []place{s.at},
			Extensions: map[string]any{"code": "undefinedField", "typeName": o.typeName, "fieldName": s.name},
		})
		return
	}
	args := make(map[string]any, len(s.arguments))
	for name, v := range s.arguments {
		args[name] = x.value(v)
	}
	v, err := resolve(ctx, args)
	if err != nil {
		x.errors = append(x.errors, fieldError(err, path, s.at))
		v = nil
	}
	if _, had := out.values[s.alias]; !had {
		out.names = append(out.names, s.alias)
	}
	out.values[s.alias] = x.complete(ctx, v, s, where, path, depth+1)
}

// complete answers the selections of a field's value.
func (x *execution) complete(ctx context.Context, v any, s *selection, where, path []any, depth int) any {
	if o, ok := v.(*object); ok && o == nil {
		return nil
	}
	list, isList := v.([]*object)
	o, isObject := v.(*object)
	switch {
	case (isList || isObject) != (s.selections != nil) && v != nil:
		x.reject(&gqlError{Message: fmt.Sprintf("Field '%s' must have selections exactly if it is an object", s.name), Path: where, Locations: []place{s.at}})
		return nil
	case isObject:
		return x.object(ctx, o, s.selections, where, path, depth)
	case isList:
		all := make([]*fields, 0, len(list))
		for i, o := range list {
			all = append(all, x.object(ctx, o, s.selections, where, append(slices.Clip(path), i), depth))
		}
		return all
	}
	return v
}

// value puts the values of variables into an argument.
func (x *execution) value(v any) any {
	switch v := v.(type) {
	case variableName:
		return x.variables[string(v)]
	case enum:
		return string(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = x.value(v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name := range v {
			object[name] = x.value(v[name])
		}
		return object
	}
	return v
}
