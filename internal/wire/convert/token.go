package convert

import (
	"fmt"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// TokenToWire is a part of the workflow file as runners read it (MSG-2): nil if
// the file does not have it. The file is number 1 of the message's table of files.
func TokenToWire(t *workflow.Token) *wire.Token {
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
			out.Seq = append(out.Seq, TokenToWire(item))
		}
	case workflow.Mapping:
		out.Type = wire.MappingToken
		for _, p := range t.Pairs {
			out.Map = append(out.Map, wire.TokenPair{Key: TokenToWire(p.Key), Value: TokenToWire(p.Value)})
		}
	case workflow.Expression: // text with expressions in it is one expression already
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

// TokenFromWire is a token of the job message as it can be evaluated. One that is
// absent or null is nil: inside of a sequence or mapping, null is a value.
func TokenFromWire(t *wire.Token) (*workflow.Token, error) {
	if t == nil || t.Type == wire.NullToken {
		return nil, nil
	}
	return fromWire(t)
}

func fromWire(t *wire.Token) (*workflow.Token, error) {
	if t == nil {
		return &workflow.Token{Kind: workflow.Null}, nil
	}
	out := &workflow.Token{Pos: workflow.Pos{Line: t.Line, Col: t.Col}}
	switch t.Type {
	case wire.StringToken:
		out.Kind, out.Str = workflow.String, t.Lit
	case wire.BooleanToken:
		out.Kind, out.Bool = workflow.Boolean, t.Bool
	case wire.NumberToken:
		out.Kind, out.Num = workflow.Number, t.Num
	case wire.NullToken:
		out.Kind = workflow.Null
	case wire.InsertToken:
		out.Kind = workflow.Insert
	case wire.ExpressionToken:
		e, err := expr.Parse(t.Expr, nil)
		if err != nil {
			return nil, err
		}
		out.Kind, out.Str, out.Expr = workflow.Expression, sourceText(t.Expr), e
	case wire.SequenceToken:
		out.Kind = workflow.Sequence
		for _, item := range t.Seq {
			v, err := fromWire(item)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, v)
		}
	case wire.MappingToken:
		out.Kind = workflow.Mapping
		for _, p := range t.Map {
			pair, err := pairFromWire(p)
			if err != nil {
				return nil, err
			}
			out.Pairs = append(out.Pairs, pair)
		}
	default:
		return nil, fmt.Errorf("unknown type %d of token", t.Type)
	}
	return out, nil
}

func pairFromWire(p wire.TokenPair) (pair workflow.Pair, err error) {
	if pair.Key, err = fromWire(p.Key); err != nil {
		return pair, err
	}
	pair.Value, err = fromWire(p.Value)
	return pair, err
}
