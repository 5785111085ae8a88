package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A node is a job of one of the files of a run.
type node struct {
	*workflow.Job
	file *workflow.Workflow
	path []string // of the jobs that call the file
}

// A graph is a run's jobs with their rows, and what those that are done gave.
type graph struct {
	run     *Run
	nodes   []*node          // in the order of the file
	names   map[string]*node // by identity
	rows    map[*node][]*Job
	results map[*node]*result // of jobs that are done
	above   map[*node]upstream
	budget  expr.Budget // what its expressions may still use
}

func newGraph(r *Run) (*graph, error) {
	n := len(r.file().Jobs)
	g := &graph{
		run:     r,
		names:   make(map[string]*node, n),
		rows:    make(map[*node][]*Job, n),
		results: make(map[*node]*result, n),
		above:   make(map[*node]upstream),
		budget:  expr.Budget{Memory: maxMemory, Steps: maxSteps},
	}
	g.add(r.file(), nil)
	for i := range r.Jobs {
		row := &r.Jobs[i]
		j := g.node(row.Path, row.Key)
		if j == nil {
			return nil, fmt.Errorf("plan: job %d is of %q, which the workflow does not have", row.ID, identity(row.Path, row.Key))
		}
		g.rows[j] = append(g.rows[j], row)
	}
	for j, rows := range g.rows {
		if !slices.ContainsFunc(rows, func(row *Job) bool { return row.Status != actions.Completed }) {
			g.results[j] = resultOf(rows)
		}
	}
	return g, nil
}

// maxLevels bounds how deep workflows call each other (REU-1).
const maxLevels = 10

// add adds the jobs of a file that the jobs in path call, and of those it calls.
func (g *graph) add(file *workflow.Workflow, path []string) {
	for _, j := range file.Jobs {
		n := &node{j, file, path}
		g.nodes = append(g.nodes, n)
		g.names[identity(path, j.ID)] = n
		called := g.run.Files[strings.TrimPrefix(j.Uses, "./")]
		if j.Uses != "" && called != nil && len(path) < maxLevels-1 {
			g.add(called, append(slices.Clip(path), j.ID))
		}
	}
}

// node finds a job, nil if there is none.
func (g *graph) node(path []string, id string) *node { return g.names[identity(path, id)] }

// needed is the job with the id in the file of j.
func (g *graph) needed(j *node, id string) *node { return g.node(j.path, id) }

// identity is the one text for a job of a run. Ids match without case.
func identity(path []string, id string) string {
	if len(path) == 0 {
		return key(id)
	}
	return key(strings.Join(path, "/") + "/" + id)
}

// A result is how a job ended, for those that need it.
type result struct {
	conclusion actions.Conclusion // success, failure, cancelled or skipped (RES-6)
	outputs    *expr.Object

	rows, failed, cancelled, skipped int // counts; failed without continue-on-error
}

func (r *result) add(other *result) {
	r.rows += other.rows
	r.failed += other.failed
	r.cancelled += other.cancelled
	r.skipped += other.skipped
}

// merged is the conclusion that the counts give, of a job (RES-6) as of a run
// (STA-3).
func (r *result) merged() actions.Conclusion {
	switch {
	case r.failed > 0:
		return actions.Failure
	case r.cancelled > 0:
		return actions.Cancelled
	case r.skipped == r.rows:
		return actions.Skipped
	}
	return actions.Success
}

// resultOf merges the rows of a job (RES-3, RES-5).
func resultOf(rows []*Job) *result {
	r := &result{rows: len(rows), outputs: expr.NewObject()}
	for _, row := range rows {
		switch {
		case row.failed() && !row.ContinueOnError:
			r.failed++
		case row.Conclusion == actions.Cancelled:
			r.cancelled++
		case row.Conclusion == actions.Skipped:
			r.skipped++
		}
	}
	r.conclusion = r.merged()
	ordered := slices.Clone(rows)
	slices.SortStableFunc(ordered, func(a, b *Job) int { return a.CompletedAt.Compare(b.CompletedAt) })
	for _, row := range ordered {
		for _, name := range slices.Sorted(maps.Keys(row.Outputs)) {
			if v := row.Outputs[name]; v != "" {
				r.outputs.Set(name, v)
			}
		}
	}
	return r
}

// needs is the needs context of j (CTX-3). Jobs that are not done are missing.
func (g *graph) needs(j *node) *expr.Object {
	needs := expr.NewObject()
	for _, id := range j.Needs {
		if r := g.results[g.needed(j, id)]; r != nil {
			needs.Set(id, expr.NewObject().Set("result", string(r.conclusion)).Set("outputs", r.outputs))
		}
	}
	return needs
}

// An upstream is what all jobs that a job needs, directly or not, have in
// common (IF-3).
type upstream struct{ succeeded, failed bool }

// upstream looks at the jobs above j. Those were looked at before, so that a
// long chain costs one step per job.
func (g *graph) upstream(j *node) upstream {
	if u, ok := g.above[j]; ok {
		return u
	}
	u := upstream{succeeded: true}
	for _, id := range j.Needs {
		needed := g.needed(j, id)
		far := g.upstream(needed)
		r := g.results[needed]
		u.succeeded = u.succeeded && far.succeeded && r != nil && r.conclusion == actions.Success
		u.failed = u.failed || far.failed || r != nil && r.conclusion == actions.Failure
	}
	g.above[j] = u
	return u
}
