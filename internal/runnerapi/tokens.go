package runnerapi

import (
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// templateToken is a part of the workflow file as runners read it (MSG-2). Text
// with expressions in it is one expression already.
func templateToken(t *workflow.Token) *wire.Token {
	if t == nil {
		return nil
	}
	out := &wire.Token{File: 1, Line: t.Pos.Line, Col: t.Pos.Col}
	if t.Pos.Line == 0 {
		out.File = 0
	}
	switch t.Kind {
	case workflow.String:
		out.Type, out.Lit = wire.StringToken, t.Str
	case workflow.Sequence:
		out.Type = wire.SequenceToken
		for _, item := range t.Items {
			out.Seq = append(out.Seq, templateToken(item))
		}
	case workflow.Mapping:
		out.Type = wire.MappingToken
		for _, p := range t.Pairs {
			out.Map = append(out.Map, wire.TokenPair{Key: templateToken(p.Key), Value: templateToken(p.Value)})
		}
	case workflow.Expression:
		out.Type, out.Expr = wire.ExpressionToken, t.Expr.String()
	case workflow.Insert:
		out.Type = wire.InsertToken
	case workflow.Boolean:
		out.Type, out.Bool = wire.BooleanToken, t.Bool
	case workflow.Number:
		out.Type, out.Num = wire.NumberToken, t.Num
	case workflow.Null:
		out.Type = wire.NullToken
	}
	return out
}

// contextValue is a value of a context as runners read it (MSG-3).
func contextValue(v expr.Value) any {
	switch v := v.(type) {
	case *expr.Array:
		out := &wire.ContextArray{Items: make([]any, 0, len(v.Items))}
		for _, item := range v.Items {
			out.Items = append(out.Items, contextValue(item))
		}
		return out
	case *expr.Object:
		out := &wire.ContextDict{CaseSensitive: v.CaseSensitive()}
		for key, value := range v.All() {
			out.Set(key, contextValue(value))
		}
		return out
	}
	return v
}
