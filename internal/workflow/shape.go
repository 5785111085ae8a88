package workflow

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// A shape checks a part of the tree whose value is known only later, and
// returns it with its expressions parsed. The scope says what expressions may
// use; nil allows none. A value that is one whole expression fits every shape:
// its type is checked when it is evaluated.
type shape func(r *reader, t *Token, sc *expr.Scope) *Token

// text is a string; other scalars are converted.
func text(r *reader, t *Token, sc *expr.Scope) *Token {
	switch t.Kind {
	case Sequence, Mapping:
		r.unexpected(t)
		return t
	case Boolean, Number, Null:
		return &Token{Kind: String, Pos: t.Pos, Str: t.Text()}
	case String, Expression, Insert:
	}
	return r.template(t, sc)
}

// nonEmpty is text that is not empty in the file.
func nonEmpty(r *reader, t *Token, sc *expr.Scope) *Token {
	v := text(r, t, sc)
	if v.Kind == String && v.Str == "" {
		r.unexpected(v)
	}
	return v
}

// scalar is a string, boolean or number and keeps its type.
func scalar(r *reader, t *Token, sc *expr.Scope) *Token {
	if t.Kind == Sequence || t.Kind == Mapping {
		r.unexpected(t)
		return t
	}
	return r.template(t, sc)
}

func boolean(r *reader, t *Token, sc *expr.Scope) *Token { return typed(r, t, sc, Boolean) }
func number(r *reader, t *Token, sc *expr.Scope) *Token  { return typed(r, t, sc, Number) }

// typed is a literal of one kind or a whole expression.
func typed(r *reader, t *Token, sc *expr.Scope, k Kind) *Token {
	if t.Kind == k {
		return t
	}
	v := r.template(t, sc)
	if v.Kind != Expression {
		r.unexpected(v)
	}
	return v
}

// anything is any tree, with expressions anywhere in it.
func anything(r *reader, t *Token, sc *expr.Scope) *Token {
	switch t.Kind {
	case Sequence:
		return list(anything)(r, t, sc)
	case Mapping:
		return mapOf(anything)(r, t, sc)
	case String, Expression, Insert, Boolean, Number, Null:
	}
	return r.template(t, sc)
}

// whole reads a value that is not the collection that it should be. Only an
// expression is allowed there.
func whole(r *reader, t *Token, sc *expr.Scope) *Token {
	v := r.template(t, sc)
	if v.Kind != Expression {
		r.unexpected(v)
	}
	return v
}

// list is a sequence of items.
func list(item shape) shape {
	return func(r *reader, t *Token, sc *expr.Scope) *Token {
		if t.Kind != Sequence {
			return whole(r, t, sc)
		}
		v := &Token{Kind: Sequence, Pos: t.Pos, Items: make([]*Token, 0, len(t.Items))}
		for _, it := range t.Items {
			v.Items = append(v.Items, item(r, it, sc))
		}
		return v
	}
}

// A property is a key of a record.
type property struct {
	name  string
	value shape
	must  bool
}

func prop(name string, value shape) property { return property{name, value, false} }
func need(name string, value shape) property { return property{name, value, true} }

// record is a mapping with the given keys only.
func record(props ...property) shape { return mapping(nil, props) }

// mapOf is a mapping with any keys and values of one shape.
func mapOf(value shape) shape { return mapping(value, nil) }

// mapping has the given properties and, if other is not nil, any further keys.
func mapping(other shape, props []property) shape {
	return func(r *reader, t *Token, sc *expr.Scope) *Token {
		if t.Kind != Mapping {
			return whole(r, t, sc)
		}
		v := &Token{Kind: Mapping, Pos: t.Pos, Pairs: make([]Pair, 0, len(t.Pairs))}
		open := false // a key is an expression, which may give any key
		for key, value := range r.pairs(t) {
			if strings.Contains(key.Str, "${{") {
				open = true
				v.Pairs = append(v.Pairs, Pair{r.key(key, sc), anything(r, value, sc)})
				continue
			}
			s := find(props, key.Str, other)
			if s == nil || key.Str == "" {
				r.unexpected(key)
				continue
			}
			v.Pairs = append(v.Pairs, Pair{key, s(r, value, sc)})
		}
		for _, p := range props {
			if p.must && !open && v.Get(p.name) == nil {
				r.errorf(t.Pos, "Required property is missing: %s", p.name)
			}
		}
		return v
	}
}

func find(props []property, name string, other shape) shape {
	for _, p := range props {
		if p.name == name {
			return p.value
		}
	}
	return other
}

// key reads a key that contains ${{ }}: an expression or the insert directive.
func (r *reader) key(t *Token, sc *expr.Scope) *Token {
	inner, start := strings.CutPrefix(strings.TrimSpace(t.Str), "${{")
	inner, end := strings.CutSuffix(inner, "}}")
	if start && end && strings.TrimSpace(inner) == "insert" && sc != nil {
		return &Token{Kind: Insert, Pos: t.Pos}
	}
	return r.template(t, sc)
}

// either picks a shape by the kind of value. Where the shape is nil, that kind is not
// allowed.
func either(scalar, sequence, mapping shape) shape {
	return func(r *reader, t *Token, sc *expr.Scope) *Token {
		s := scalar
		switch t.Kind {
		case Sequence:
			s = sequence
		case Mapping:
			s = mapping
		case String, Expression, Insert, Boolean, Number, Null:
		}
		if s == nil {
			r.unexpected(t)
			return t
		}
		return s(r, t, sc)
	}
}

// in gives a shape a scope of its own: expressions in a part of a value may use
// more contexts than those elsewhere in it.
func in(more *expr.Scope, s shape) shape {
	return func(r *reader, t *Token, _ *expr.Scope) *Token { return s(r, t, more) }
}
