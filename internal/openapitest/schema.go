package openapitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// compile makes a schema of the validator's from one in the description, with
// every schema that it refers to, and none else.
func (d *description) compile(raw json.RawMessage, version string) (*openapi3.Schema, error) {
	const body = "the-body"
	needed := map[string]json.RawMessage{body: raw}
	for todo := []json.RawMessage{raw}; len(todo) > 0; {
		refs, err := references(todo[0])
		if err != nil {
			return nil, err
		}
		todo = todo[1:]
		for _, ref := range refs {
			text, section, name, err := d.component(ref, version)
			if err != nil {
				return nil, err
			}
			if section != "schemas" {
				return nil, fmt.Errorf("a schema refers to %s", ref)
			}
			if _, known := needed[name]; !known {
				needed[name] = text
				todo = append(todo, text)
			}
		}
	}
	document, err := json.Marshal(map[string]any{
		"openapi":    "3.0.3",
		"info":       map[string]any{"title": "one response", "version": "1"},
		"paths":      map[string]any{},
		"components": map[string]any{"schemas": needed},
	})
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, err
	}
	return doc.Components.Schemas[body].Value, nil
}

// references returns each $ref in a JSON text.
func references(raw json.RawMessage) ([]string, error) {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, err
	}
	refs := map[string]bool{}
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				refs[ref] = true
			}
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, element := range v {
				walk(element)
			}
		}
	}
	walk(value)
	return slices.Sorted(maps.Keys(refs)), nil
}

// A problem is one way in which an answer differs from the description.
type problem struct {
	what   string // a JSON pointer with * for indexes, or a word: see doc.go
	detail string
}

const unknown = "not in the description"

// unknown reports whether the problem is a property that a description does
// not have; another one may.
func (p problem) unknown() bool { return p.detail == unknown }

// misfits returns how a decoded JSON value differs from a schema.
func misfits(schema *openapi3.Schema, value any) []problem {
	found := undocumented([]*openapi3.Schema{schema}, value, "")
	err := schema.VisitJSON(
		value,
		openapi3.MultiErrors(),
		openapi3.VisitAsResponse(),
		openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidator("date-time", openapi3.NewCallbackValidator(checkTime)),
		openapi3.WithStringFormatValidator("uri", openapi3.NewCallbackValidator(checkURI)),
	)
	if err != nil {
		found = append(found, flatten(err)...)
	}
	return found
}

func checkTime(s string) error {
	_, err := time.Parse(time.RFC3339, s)
	return err
}

func checkURI(s string) error {
	u, err := url.Parse(s)
	if err == nil && !u.IsAbs() {
		err = errors.New("it is relative")
	}
	return err
}

func flatten(err error) []problem {
	switch e := err.(type) { //nolint:errorlint // the outermost error alone says what the error is made of
	case openapi3.MultiError:
		var all []problem
		for _, sub := range e {
			all = append(all, flatten(sub)...)
		}
		return all
	case *openapi3.SchemaError:
		detail := e.Reason
		if e.Origin != nil {
			detail += ": " + e.Origin.Error()
		}
		value, _ := json.Marshal(e.Value)
		return []problem{{pointer(e.JSONPointer()), fmt.Sprintf("%.400s; got %.100s", detail, value)}}
	}
	return []problem{{"body", err.Error()}}
}

func pointer(path []string) string {
	if len(path) == 0 {
		return "body"
	}
	var p strings.Builder
	for _, s := range path {
		if _, err := strconv.Atoi(s); err == nil {
			s = "*"
		}
		p.WriteString("/" + s)
	}
	return p.String()
}

// undocumented returns what a value has and none of the schemas mentions: the
// validator takes it for an extension, and it is more often a slip of the pen.
func undocumented(schemas []*openapi3.Schema, value any, at string) []problem {
	shape := shapeOf(schemas)
	var found []problem
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			found = append(found, undocumented(shape.items, element, at+"/*")...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			below := at + "/" + name
			if known, ok := shape.properties[name]; ok {
				found = append(found, undocumented(known, v[name], below)...)
			} else if !shape.open {
				found = append(found, problem{below, unknown})
			}
		}
	}
	return found
}

// A shape is what several schemas together know of.
type shape struct {
	properties map[string][]*openapi3.Schema
	items      []*openapi3.Schema
	open       bool // any property will do
}

func shapeOf(schemas []*openapi3.Schema) shape {
	s := shape{properties: map[string][]*openapi3.Schema{}}
	for todo := slices.Clone(schemas); len(todo) > 0; {
		schema := todo[0]
		todo = todo[1:]
		composed := slices.Concat(schema.AllOf, schema.AnyOf, schema.OneOf)
		for _, ref := range composed {
			todo = append(todo, ref.Value)
		}
		for name, ref := range schema.Properties {
			s.properties[name] = append(s.properties[name], ref.Value)
		}
		if schema.Items != nil {
			s.items = append(s.items, schema.Items.Value)
		}
		extra := schema.AdditionalProperties
		mayBeObject := schema.Type == nil || schema.Type.Is("object")
		free := mayBeObject && len(schema.Properties) == 0 && len(composed) == 0 && extra.Has == nil
		s.open = s.open || free || extra.Schema != nil || extra.Has != nil && *extra.Has
	}
	if len(schemas) == 0 {
		s.open = true
	}
	return s
}
