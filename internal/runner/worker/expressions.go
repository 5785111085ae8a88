package worker

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// contexts are the contexts of the step. The object is not changed later.
func (x *execution) contexts() *expr.Object { return x.job.contexts(x.scope, x.github, x.env) }

// expressions is what an expression of the step sees.
func (x *execution) expressions(contexts *expr.Object) *expr.Env {
	is := func(result string) expr.Func {
		return func([]expr.Value) (expr.Value, error) {
			if c := x.scope.composite; c != nil && x.stage == mainStage && x.job.status.get() != wire.Canceled {
				return c.result == result, nil // CMP-3
			}
			return x.job.status.get() == result, nil
		}
	}
	return &expr.Env{Contexts: contexts, Functions: map[string]expr.Func{
		"success":   is(wire.Succeeded),
		"failure":   is(wire.Failed),
		"cancelled": func([]expr.Value) (expr.Value, error) { return x.job.status.get() == wire.Canceled, nil },
		"always":    func([]expr.Value) (expr.Value, error) { return true, nil },
		"hashfiles": x.hashFiles,
	}}
}

func (x *execution) hashFiles(args []expr.Value) (expr.Value, error) {
	patterns := make([]string, len(args))
	for i, a := range args {
		patterns[i] = expr.String(a)
	}
	return hashFiles(x.ctx, x.job.workspace, x.job.baseEnv("HOME"), patterns)
}

// stepEnv starts the context "env" of a step: all variables of the job, and
// those of the composite actions around it, which are also returned alone.
func (r *running) stepEnv(sc *scope) (all, own *expr.Object) {
	all, own = clone(r.env), expr.NewCaseSensitiveObject()
	if sc.composite != nil {
		for k, v := range sc.composite.env.All() {
			all.Set(k, v)
			own.Set(k, v)
		}
	}
	return all, own
}

// stepGitHub starts the context "github" of a step.
func (r *running) stepGitHub(sc *scope) *expr.Object {
	github := clone(r.github)
	if c := sc.composite; c != nil {
		github.Set("action_path", c.definition.dir)
		github.Set("action_status", contextResult(c.result))
	}
	return github
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
		switch v.(type) {
		case *expr.Array:
			return nil, problemf("A sequence was not expected at '%s'", name)
		case *expr.Object:
			return nil, problemf("A mapping was not expected at '%s'", name)
		}
		out = append(out, assignment{name, expr.String(v)})
	}
	return out, nil
}

// stepName is what a step is called. It is complete when all expressions in it
// could be evaluated; otherwise they are shown as such.
func stepName(s *step, env *expr.Env) (name string, complete bool) {
	if s.display != "" {
		return s.display, true
	}
	token, prefix := s.name, ""
	if token == nil {
		prefix = "Run "
		switch s.ref.Type {
		case wire.RefScript:
			token = s.inputs.Get(wire.InputScript)
		case wire.RefContainer:
			return prefix + s.ref.Image, true
		default:
			return prefix + refName(s.ref), true
		}
	}
	if token == nil {
		return "run", true
	}
	complete = evaluable(token, env)
	name = token.Text()
	if complete {
		v, err := token.EvalString(env)
		if err != nil {
			complete = false
		} else {
			name = v
		}
	}
	name = strings.TrimLeft(name, " \t\r\n")
	if i := strings.IndexAny(name, "\r\n"); i >= 0 {
		name = name[:i]
	}
	if name == "" {
		return "run", complete
	}
	return prefix + name, complete
}

// evaluable says whether everything that a token names is there yet.
func evaluable(token *workflow.Token, env *expr.Env) bool {
	if token.Kind != workflow.Expression {
		return true
	}
	if env.Functions == nil && token.Expr.Calls("hashFiles") {
		return false
	}
	for _, name := range []string{"env", "job", "runner", "steps", "secrets"} {
		if _, ok := env.Contexts.Get(name); !ok && token.Expr.Uses(name) {
			return false
		}
	}
	return true
}

// refName is a repository action as `uses` names it.
func refName(ref wire.Reference) string {
	if ref.RepositoryType == wire.RepoSelf {
		return ref.Path
	}
	name := ref.Name
	if ref.Path != "" {
		name += "/" + ref.Path
	}
	if ref.Ref != "" {
		name += "@" + ref.Ref
	}
	return name
}
