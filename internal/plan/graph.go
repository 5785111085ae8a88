package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A graph is a run's jobs with their rows, and what those that are done gave.
type graph struct {
	run     *Run
	jobs    map[string]*workflow.Job // by key(id)
	rows    map[*workflow.Job][]*Job
	results map[*workflow.Job]*result // of jobs that are done
	above   map[*workflow.Job]upstream
}

func newGraph(r *Run) (*graph, error) {
	g := &graph{
		run:     r,
		jobs:    make(map[string]*workflow.Job, len(r.Workflow.Jobs)),
		rows:    make(map[*workflow.Job][]*Job, len(r.Workflow.Jobs)),
		results: make(map[*workflow.Job]*result, len(r.Workflow.Jobs)),
		above:   make(map[*workflow.Job]upstream),
	}
	for _, j := range r.Workflow.Jobs {
		g.jobs[key(j.ID)] = j
	}
	for i := range r.Jobs {
		row := &r.Jobs[i]
		j := g.job(row.Key)
		if j == nil {
			return nil, fmt.Errorf("plan: job %d is of %q, which the workflow does not have", row.ID, row.Key)
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

func (g *graph) job(id string) *workflow.Job { return g.jobs[key(id)] }

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
func (g *graph) needs(j *workflow.Job) *expr.Object {
	needs := expr.NewObject()
	for _, id := range j.Needs {
		if r := g.results[g.job(id)]; r != nil {
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
func (g *graph) upstream(j *workflow.Job) upstream {
	if u, ok := g.above[j]; ok {
		return u
	}
	u := upstream{succeeded: true}
	for _, id := range j.Needs {
		needed := g.job(id)
		far := g.upstream(needed)
		r := g.results[needed]
		u.succeeded = u.succeeded && far.succeeded && r != nil && r.conclusion == actions.Success
		u.failed = u.failed || far.failed || r != nil && r.conclusion == actions.Failure
	}
	g.above[j] = u
	return u
}
