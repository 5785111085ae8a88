package workflow

import (
	"errors"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// A Kind is the kind of a token. The numbers are those of the runner protocol.
type Kind int

// The kinds of token.
const (
	String     Kind = iota
	Sequence        // Items
	Mapping         // Pairs
	Expression      // Expr
	Insert          // only as a key: the pair's value is a mapping to splice in (EXP-13)
	Boolean         // Bool
	Number          // Num
	Null
)

// A Token is a part of a file whose value may be known only when the workflow
// runs: a scalar, an expression, or a sequence or mapping of tokens.
type Token struct {
	Kind  Kind
	Pos   Pos
	Str   string     // of a String; of an Expression the text in the file
	Bool  bool       // of a Boolean
	Num   float64    // of a Number
	Expr  *expr.Expr // of an Expression; its String method gives the text for a runner
	Items []*Token   // of a Sequence
	Pairs []Pair     // of a Mapping, in the order of the file
}

// A Pair is an entry of a mapping. The key is a String, Expression or Insert.
type Pair struct{ Key, Value *Token }

// Get returns the value for a literal key, compared without case, or nil if t
// is nil, not a mapping, or has no such key.
func (t *Token) Get(key string) *Token {
	if t == nil {
		return nil
	}
	for _, p := range t.Pairs {
		if p.Key.Kind == String && strings.EqualFold(p.Key.Str, key) {
			return p.Value
		}
	}
	return nil
}

// Text is the text of a scalar: of an expression as written in the file, of
// other literals as expressions print them (EXP-8), empty for collections.
func (t *Token) Text() string {
	switch t.Kind {
	case String, Expression:
		return t.Str
	case Boolean:
		return expr.String(t.Bool)
	case Number:
		return expr.String(t.Num)
	case Insert:
		return "${{ insert }}"
	case Null, Sequence, Mapping:
	}
	return ""
}

// Eval returns the value of the whole tree: scalars, arrays, objects.
func (t *Token) Eval(env *expr.Env) (expr.Value, error) {
	if t == nil {
		return nil, nil
	}
	switch t.Kind {
	case String:
		return t.Str, nil
	case Boolean:
		return t.Bool, nil
	case Number:
		return t.Num, nil
	case Expression:
		return t.Expr.Eval(env)
	case Sequence:
		return t.evalItems(env)
	case Mapping:
		return t.evalPairs(env)
	case Null, Insert:
	}
	return nil, nil
}

func (t *Token) evalItems(env *expr.Env) (expr.Value, error) {
	a := &expr.Array{Items: make([]expr.Value, 0, len(t.Items))}
	for _, item := range t.Items {
		v, err := item.Eval(env)
		if err != nil {
			return nil, err
		}
		a.Items = append(a.Items, v)
	}
	return a, nil
}

func (t *Token) evalPairs(env *expr.Env) (expr.Value, error) {
	o := expr.NewObject()
	for _, p := range t.Pairs {
		v, err := p.Value.Eval(env)
		if err != nil {
			return nil, err
		}
		if p.Key.Kind != Insert {
			key, err := p.Key.EvalString(env)
			if err != nil {
				return nil, err
			}
			o.Set(key, v)
			continue
		}
		inserted, ok := v.(*expr.Object)
		if !ok {
			return nil, errors.New("the value of ${{ insert }} is not a mapping")
		}
		for k, v := range inserted.All() {
			o.Set(k, v)
		}
	}
	return o, nil
}

// EvalString evaluates a scalar and returns it as a string (EXP-8). Arrays and
// objects are an error. A nil token is the empty string.
func (t *Token) EvalString(env *expr.Env) (string, error) {
	v, err := t.Eval(env)
	if err != nil {
		return "", err
	}
	switch v.(type) {
	case *expr.Array:
		return "", errors.New("a sequence was not expected")
	case *expr.Object:
		return "", errors.New("a mapping was not expected")
	}
	return expr.String(v), nil
}

// EvalBool evaluates a token that must give a boolean. A nil token is false.
func (t *Token) EvalBool(env *expr.Env) (bool, error) {
	v, err := t.Eval(env)
	if err != nil || t == nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("unexpected value '%s': a boolean was expected", expr.String(v))
	}
	return b, nil
}

// EvalNumber evaluates a token that must give a number. A nil token is 0.
func (t *Token) EvalNumber(env *expr.Env) (float64, error) {
	v, err := t.Eval(env)
	if err != nil || t == nil {
		return 0, err
	}
	n, ok := v.(float64)
	if !ok {
		return 0, fmt.Errorf("unexpected value '%s': a number was expected", expr.String(v))
	}
	return n, nil
}
