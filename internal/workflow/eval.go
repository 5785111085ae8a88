package workflow

import (
	"errors"

	"github.com/understudy-ci/understudy/internal/expr"
)

// Eval returns the value of the whole tree: scalars, arrays, objects. What all
// its expressions give together is limited to 10 MiB (YAML-5). A nil token is
// null.
func (t *Token) Eval(env *expr.Env) (expr.Value, error) {
	ev := evaluation{env: env, left: maxText}
	return ev.value(t)
}

// An EvalError is an expression that could not be evaluated, and where it is in
// its file. Its text is that of Err alone.
type EvalError struct {
	Pos Pos
	Err error
}

// Error returns the text.
func (e *EvalError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *EvalError) Unwrap() error { return e.Err }

// A ValueError is an expression whose value is of the wrong kind, and where it is
// in its file.
type ValueError struct {
	Pos    Pos
	Reason string // as GitHub words it
	More   string // what it leaves out; may be empty
}

// Error returns the text without the place.
func (e *ValueError) Error() string {
	if e.More == "" {
		return e.Reason
	}
	return e.Reason + ": " + e.More
}

// An evaluation is one call of Eval.
type evaluation struct {
	env  *expr.Env
	left int // bytes that values may still take
}

func (ev *evaluation) value(t *Token) (expr.Value, error) {
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
		return ev.expression(t)
	case Sequence:
		return ev.items(t)
	case Mapping:
		return ev.pairs(t)
	case Null, Insert:
	}
	return nil, nil
}

func (ev *evaluation) expression(t *Token) (expr.Value, error) {
	v, err := t.Expr.Eval(ev.env)
	if err != nil {
		return nil, &EvalError{Pos: t.Pos, Err: err}
	}
	if ev.spend(v); ev.left < 0 {
		return nil, errors.New("the maximum allowed memory size was exceeded")
	}
	return v, nil
}

// spend takes the size of v from what is left, and stops when nothing is.
func (ev *evaluation) spend(v expr.Value) {
	const node = 16
	ev.left -= node
	switch v := v.(type) {
	case string:
		ev.left -= len(v)
	case *expr.Array:
		for i := 0; i < len(v.Items) && ev.left >= 0; i++ {
			ev.spend(v.Items[i])
		}
	case *expr.Object:
		for k, item := range v.All() {
			if ev.left -= len(k); ev.left < 0 {
				return
			}
			ev.spend(item)
		}
	}
}

// items evaluates a sequence. An item that is an expression and gives a sequence
// stands for the items of that sequence (EXP-14).
func (ev *evaluation) items(t *Token) (expr.Value, error) {
	a := &expr.Array{Items: make([]expr.Value, 0, len(t.Items))}
	for _, item := range t.Items {
		v, err := ev.value(item)
		if err != nil {
			return nil, err
		}
		if inner, ok := v.(*expr.Array); ok && item.Kind == Expression {
			a.Items = append(a.Items, inner.Items...)
			continue
		}
		a.Items = append(a.Items, v)
	}
	return a, nil
}

func (ev *evaluation) pairs(t *Token) (expr.Value, error) {
	o := expr.NewObject()
	for _, p := range t.Pairs {
		v, err := ev.value(p.Value)
		if err != nil {
			return nil, err
		}
		if p.Key.Kind != Insert {
			key, err := ev.value(p.Key)
			if err != nil {
				return nil, err
			}
			o.Set(expr.String(key), v)
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
		return "", &ValueError{t.Pos, "A sequence was not expected", ""}
	case *expr.Object:
		return "", &ValueError{t.Pos, "A mapping was not expected", ""}
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
		return false, &ValueError{t.Pos, "Unexpected value '" + expr.String(v) + "'", "a boolean was expected"}
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
		return 0, &ValueError{t.Pos, "Unexpected value '" + expr.String(v) + "'", "a number was expected"}
	}
	return n, nil
}
