package plan

import (
	"fmt"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// condition evaluates the `if` of a job whose needs are done.
func (g *graph) condition(j *node, cancelled bool) (bool, error) {
	env := g.environment(g.needsContexts(j), len(g.nodes))
	env.Functions = g.statusFunctions(j, cancelled)
	v, err := j.If.Eval(env)
	if err != nil {
		return false, g.failure(j, "if", j.IfPos, err)
	}
	return expr.Truthy(v), nil
}

// What all expressions of a run may use together each time it is planned, which is
// about a quarter of a second. One expression may use a fair part of it, so that
// neither many nor a costly one hold up the rest of the server.
const (
	maxSteps   = 2_000_000
	maxMemory  = 64 << 20 // bytes
	leastSteps = 10_000
)

// environment is what n expressions of a kind are evaluated with.
func (g *graph) environment(contexts *expr.Object, n int) *expr.Env {
	return &expr.Env{
		Contexts: contexts,
		MaxSteps: min(max(maxSteps/n, leastSteps), expr.DefaultMaxSteps),
		Budget:   &g.budget,
	}
}

// needsContexts are the contexts of a job before its matrix exists (CTX-1).
func (g *graph) needsContexts(j *node) *expr.Object {
	contexts := expr.NewObject()
	for name, v := range g.run.Contexts.All() {
		contexts.Set(name, v)
	}
	return contexts.Set("needs", g.needs(j))
}

// statusFunctions are success() and its kin for a job (IF-3): without
// arguments they look at all jobs above j, with arguments at those of its needs
// that these name. While the run is being cancelled both success() and
// failure() are false, as they are for steps.
func (g *graph) statusFunctions(j *node, cancelled bool) map[string]expr.Func {
	return map[string]expr.Func{
		"always":    func([]expr.Value) (expr.Value, error) { return true, nil },
		"cancelled": func([]expr.Value) (expr.Value, error) { return cancelled, nil },
		"success": func(args []expr.Value) (expr.Value, error) {
			u, err := g.status(j, args)
			return u.succeeded && !cancelled, err
		},
		"failure": func(args []expr.Value) (expr.Value, error) {
			u, err := g.status(j, args)
			return u.failed && !cancelled, err
		},
	}
}

// status is the common state of the jobs above j, or of the needs that args name.
func (g *graph) status(j *node, args []expr.Value) (upstream, error) {
	if len(args) == 0 {
		return g.upstream(j), nil
	}
	u := upstream{succeeded: true}
	for _, arg := range args {
		id := expr.String(arg)
		if !slices.ContainsFunc(j.Needs, func(need string) bool { return key(need) == key(id) }) {
			return u, fmt.Errorf("the job '%s' does not need a job '%s'", j.ID, id)
		}
		r := g.results[g.needed(j, id)]
		u.succeeded = u.succeeded && r != nil && r.conclusion == actions.Success
		u.failed = u.failed || r != nil && r.conclusion == actions.Failure
	}
	return u, nil
}

// A failure is an expression or a value of a job that makes no sense, in
// GitHub's words.
type failure struct {
	pos workflow.Pos
	err error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// failure describes an expression of j that could not be evaluated.
func (g *graph) failure(j *node, what string, at workflow.Pos, err error) error {
	return &failure{at, fmt.Errorf("Error when evaluating '%s' for job '%s'. %s: %w", what, j.ID, positionText(j.file, at), err)}
}

// positionText names a position in a workflow file.
func positionText(w *workflow.Workflow, at workflow.Pos) string {
	return fmt.Sprintf("%s (Line: %d, Col: %d)", w.Path, at.Line, at.Col)
}
