package plan

import (
	"fmt"

	"github.com/understudy-ci/understudy/internal/expr"
)

// Contexts returns what expressions of one row may name when it is given to a
// runner: the contexts of the run, and needs, strategy and matrix. Only which job
// the row is, its Total and its Matrix are used; the jobs it needs are found in
// r.Jobs.
func Contexts(r *Run, row *Job) (*expr.Object, error) {
	g, err := newGraph(r)
	if err != nil {
		return nil, err
	}
	j := g.node(row.Path, row.Key)
	if j == nil {
		return nil, fmt.Errorf("plan: the workflow has no job %q", row.Key)
	}
	s, err := g.strategy(j)
	if err != nil {
		return nil, err
	}
	contexts := g.needsContexts(j)
	withStrategy(contexts, s.context(row.Index, row.Total), row.Matrix)
	return contexts, nil
}
