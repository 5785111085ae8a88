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

// cycles records an error at each need that can never be met, because the needed
// job needs itself, or another that does.
func (r *reader) cycles(jobs []*Job, byID map[string]*Job) {
	waits := make(map[*Job]int, len(jobs)) // how many needs are not met yet
	needing := make(map[*Job][]*Job, len(jobs))
	var ready []*Job
	for _, j := range jobs {
		for _, n := range j.needs {
			if needed := byID[strings.ToLower(n.Text())]; needed != nil {
				waits[j]++
				needing[needed] = append(needing[needed], j)
			}
		}
		if waits[j] == 0 {
			ready = append(ready, j)
		}
	}
	for len(ready) > 0 {
		done := ready[0]
		ready = ready[1:]
		for _, j := range needing[done] {
			if waits[j]--; waits[j] == 0 {
				ready = append(ready, j)
			}
		}
	}
	for _, j := range jobs {
		for _, n := range j.needs {
			if needed := byID[strings.ToLower(n.Text())]; needed != nil && waits[needed] > 0 {
				r.errorf(n.Pos, "Job '%s' depends on job '%s' which creates a cycle in the dependency graph.", j.ID, n.Text())
			}
		}
	}
}
