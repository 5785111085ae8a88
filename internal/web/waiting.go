package web

import (
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// waitsFor says why a job has not started, empty for one that has. runners are
// those that may work for the job's repository.
func waitsFor(j *actions.Job, runners []*actions.Runner, now time.Time) string {
	switch {
	case j.Status == actions.Pending:
		return "Waiting for its turn in the concurrency group"
	case j.Status == actions.Waiting:
		return "Waiting for a review"
	case j.Status != actions.Queued:
		return ""
	case j.Held:
		return "Waiting for another job of the matrix to end (max-parallel)"
	}
	labels := strings.Join(j.Labels, ", ")
	able := func(r *actions.Runner) bool { return r.Has(j.Labels) }
	online := func(r *actions.Runner) bool { return able(r) && r.Online(now) }
	switch {
	case !slices.ContainsFunc(runners, able) && len(j.Labels) == 1:
		return "No runner with the label " + labels + " is registered"
	case !slices.ContainsFunc(runners, able):
		return "No runner with the labels " + labels + " is registered"
	case !slices.ContainsFunc(runners, online):
		return "Waiting for a runner to pick up this job: every runner with " + labels + " is offline"
	}
	return "Waiting for a runner to pick up this job (" + labels + ")"
}
