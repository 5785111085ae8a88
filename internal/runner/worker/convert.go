package worker

import (
	"fmt"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// toToken makes a token of the job message one that can be evaluated. A token
// that is absent or null becomes nil.
func toToken(t *wire.Token) (*workflow.Token, error) {
	if t == nil || t.Type == wire.NullToken {
		return nil, nil
	}
	pos := workflow.Pos{Line: t.Line, Col: t.Col}
	switch t.Type {
	case wire.StringToken:
		return &workflow.Token{Kind: workflow.String, Pos: pos, Str: t.Lit}, nil
	case wire.BooleanToken:
		return &workflow.Token{Kind: workflow.Boolean, Pos: pos, Bool: t.Bool}, nil
	case wire.NumberToken:
		return &workflow.Token{Kind: workflow.Number, Pos: pos, Num: t.Num}, nil
	case wire.InsertToken:
		return &workflow.Token{Kind: workflow.Insert, Pos: pos}, nil
	case wire.ExpressionToken:
		e, err := expr.Parse(t.Expr, nil)
		if err != nil {
			return nil, err
		}
		return &workflow.Token{Kind: workflow.Expression, Pos: pos, Str: shownExpression(t.Expr), Expr: e}, nil
	case wire.SequenceToken:
		return toSequence(t, pos)
	case wire.MappingToken:
		return toMapping(t, pos)
	case wire.NullToken:
	}
	return nil, fmt.Errorf("unknown type %d of token", t.Type)
}

func toSequence(t *wire.Token, pos workflow.Pos) (*workflow.Token, error) {
	seq := &workflow.Token{Kind: workflow.Sequence, Pos: pos}
	for _, item := range t.Seq {
		v, err := toEntry(item)
		if err != nil {
			return nil, err
		}
		seq.Items = append(seq.Items, v)
	}
	return seq, nil
}

func toMapping(t *wire.Token, pos workflow.Pos) (*workflow.Token, error) {
	mapping := &workflow.Token{Kind: workflow.Mapping, Pos: pos}
	for _, pair := range t.Map {
		key, err := toEntry(pair.Key)
		if err != nil {
			return nil, err
		}
		value, err := toEntry(pair.Value)
		if err != nil {
			return nil, err
		}
		mapping.Pairs = append(mapping.Pairs, workflow.Pair{Key: key, Value: value})
	}
	return mapping, nil
}

// toEntry is toToken for a place inside of a collection, where null is a value.
func toEntry(t *wire.Token) (*workflow.Token, error) {
	v, err := toToken(t)
	if v == nil && err == nil {
		v = &workflow.Token{Kind: workflow.Null}
	}
	return v, err
}

// toValue makes context data of the job message a value of expressions.
func toValue(data any) expr.Value {
	switch v := data.(type) {
	case *wire.ContextArray:
		if v == nil {
			return nil
		}
		array := &expr.Array{Items: make([]expr.Value, 0, len(v.Items))}
		for _, item := range v.Items {
			array.Items = append(array.Items, toValue(item))
		}
		return array
	case *wire.ContextDict:
		if v == nil {
			return nil
		}
		object := expr.NewObject()
		if v.CaseSensitive {
			object = expr.NewCaseSensitiveObject()
		}
		for _, pair := range v.Pairs {
			object.Set(pair.Key, toValue(pair.Value))
		}
		return object
	}
	return data
}

// clone is a copy of an object whose entries can be changed without changing
// the original's. A nil object gives an empty one.
func clone(o *expr.Object) *expr.Object {
	c := expr.NewObject()
	if o == nil {
		return c
	}
	if o.CaseSensitive() {
		c = expr.NewCaseSensitiveObject()
	}
	for k, v := range o.All() {
		c.Set(k, v)
	}
	return c
}

// text is the string at a key, "" for anything that prints as nothing.
func text(o *expr.Object, key string) string {
	v, _ := o.Get(key)
	return expr.String(v)
}
