package worker

import (
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// contexts are the contexts of the step. The object is not changed later.
func (x *execution) contexts() *expr.Object { return x.job.contexts.in(x.scope, x.github, x.env) }

// expressions is what an expression of the step sees.
func (x *execution) expressions(contexts *expr.Object) *expr.Env {
	is := func(result string) expr.Func {
		return func([]expr.Value) (expr.Value, error) {
			if c := x.scope.composite; c != nil && x.stage == mainStage && (c.late || x.job.state.status.get() != wire.Canceled) {
				return c.result == result, nil // CMP-3
			}
			return x.job.state.status.get() == result, nil
		}
	}
	return &expr.Env{Contexts: contexts, Functions: map[string]expr.Func{
		"success":   is(wire.Succeeded),
		"failure":   is(wire.Failed),
		"cancelled": func([]expr.Value) (expr.Value, error) { return x.job.state.status.get() == wire.Canceled, nil },
		"always":    func([]expr.Value) (expr.Value, error) { return true, nil },
		"hashfiles": x.hashFiles,
	}}
}

func (x *execution) hashFiles(args []expr.Value) (expr.Value, error) {
	patterns := make([]string, len(args))
	for i, a := range args {
		patterns[i] = expr.String(a)
	}
	return hashFiles(x.ctx, x.job.workspace, hostVariable(x.job.Host, "HOME"), patterns, x.record.warn)
}

// addEnv adds the step's own variables, none of which sees the others (CTX-2).
func (x *execution) addEnv(token *workflow.Token) error {
	vars, err := evalStrings(token, x.expressions(x.contexts()))
	if err != nil {
		return err
	}
	for _, v := range vars {
		x.env.Set(v.name, v.value)
		x.own.Set(v.name, v.value)
	}
	return nil
}

// evalStrings evaluates a mapping of strings, in its order. A nil token has
// none.
func evalStrings(token *workflow.Token, env *expr.Env) ([]assignment, error) {
	v, err := token.Eval(env)
	if err != nil || v == nil {
		return nil, err
	}
	object, ok := v.(*expr.Object)
	if !ok {
		return nil, problemf("Unexpected value '%s': a mapping was expected", expr.String(v))
	}
	out := make([]assignment, 0, object.Len())
	for name, v := range object.All() {
		var pos workflow.Pos
		if t := token.Get(name); t != nil {
			pos = t.Pos
		}
		switch v.(type) {
		case *expr.Array:
			return nil, &placedError{pos, "A sequence was not expected", name}
		case *expr.Object:
			return nil, &placedError{pos, "A mapping was not expected", name}
		}
		out = append(out, assignment{name, expr.String(v)})
	}
	return out, nil
}
