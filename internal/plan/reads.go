package plan

import (
	"slices"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// Reads says whether planning may look at one of the keys of a context. If not,
// a run of w can be planned before their values are known.
func Reads(w *workflow.Workflow, context string, keys ...string) bool {
	reads := func(e *expr.Expr) bool { return e.Reads(context, keys...) }
	return slices.ContainsFunc(w.Jobs, func(j *workflow.Job) bool {
		tokens := []*workflow.Token{j.Name, j.Strategy, j.RunsOn, j.EnvironmentName(), j.TimeoutMinutes, j.CancelTimeoutMinutes, j.ContinueOnError}
		return reads(j.If) || slices.ContainsFunc(tokens, func(t *workflow.Token) bool { return t.Any(reads) })
	})
}
