package workflow

import (
	"slices"
	"strings"
)

// graph checks what jobs need (YAML-8) and fills in Job.Needs.
func (r *reader) graph(t *Token, jobs []*Job) {
	if len(jobs) == 0 {
		r.errorf(t.Pos, "The workflow must contain at least one job")
		return
	}
	byID := make(map[string]*Job, len(jobs))
	for _, j := range jobs {
		byID[strings.ToLower(j.ID)] = j
	}
	roots := false
	for _, j := range jobs {
		roots = roots || len(j.needs) == 0
		for _, n := range j.needs {
			needed := byID[strings.ToLower(n.Text())]
			switch {
			case needed == nil:
				r.errorf(n.Pos, "Job '%s' depends on unknown job '%s'.", j.ID, n.Text())
			case !slices.Contains(j.Needs, needed.ID):
				j.Needs = append(j.Needs, needed.ID)
			}
		}
	}
	if !roots {
		r.errorf(t.Pos, "The workflow must contain at least one job with no dependencies.")
		return
	}
	r.cycles(jobs, byID)
}

// cycles records an error at each need that closes a circle.
func (r *reader) cycles(jobs []*Job, byID map[string]*Job) {
	const active, done = 1, 2
	state := make(map[*Job]int, len(jobs))
	var visit func(j *Job)
	visit = func(j *Job) {
		state[j] = active
		for _, n := range j.needs {
			needed := byID[strings.ToLower(n.Text())]
			switch {
			case needed == nil:
			case state[needed] == active:
				r.errorf(n.Pos, "Job '%s' depends on job '%s' which creates a cycle in the dependency graph.", j.ID, needed.ID)
			case state[needed] != done:
				visit(needed)
			}
		}
		state[j] = done
	}
	for _, j := range jobs {
		if state[j] != done {
			visit(j)
		}
	}
}
