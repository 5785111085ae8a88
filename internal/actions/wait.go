package actions

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Reason is why a job waits before any runner may have it.
type Reason string

// The reasons to wait.
const (
	MaxParallel Reason = "max-parallel" // for others of its matrix to end
	Concurrency Reason = "concurrency"  // for its turn in a concurrency group
	Environment Reason = "environment"  // for a review of its deployment
)

// A Wait is what a job waits for before any runner may have it. The zero Wait is
// nothing: only a runner is missing.
type Wait struct {
	Reason Reason
	Name   string // of the concurrency group or the environment; else empty
}

// String is the text by which a Wait is kept: "max-parallel", "concurrency: GROUP",
// "environment: NAME"; empty for none.
func (w Wait) String() string {
	if w.Name == "" {
		return string(w.Reason)
	}
	return string(w.Reason) + ": " + w.Name
}

// ParseWait reads what [Wait.String] wrote.
func ParseWait(s string) Wait {
	reason, name, _ := strings.Cut(s, ": ")
	return Wait{Reason(reason), name}
}

// sentence says what the wait is for.
func (w Wait) sentence() string {
	switch w.Reason {
	case MaxParallel:
		return "Waiting for another job of the matrix to end (max-parallel)"
	case Concurrency:
		return "Waiting for its turn in the concurrency group " + w.Name
	case Environment:
		return "Waiting for a review of the environment " + w.Name
	}
	return "Waiting for " + w.String()
}

// Ready says whether a runner may have the job.
func (j *Job) Ready() bool { return j.Status == Queued && j.Wait == Wait{} }

// WaitsFor says in a sentence what keeps a job from starting, empty when it has
// started. runners are those that may work for the job's repository; they matter
// only for a job that is [Job.Ready].
func (j *Job) WaitsFor(runners []*Runner, now time.Time) string {
	labels := strings.Join(j.Labels, ", ")
	able := func(r *Runner) bool { return r.Has(j.Labels) }
	online := func(r *Runner) bool { return able(r) && r.Online(now) }
	switch {
	case j.Status == InProgress || j.Status == Completed:
		return ""
	case !new(Runner).InGroup(j.Group):
		return fmt.Sprintf("This server has no runner group '%s', so no runner can take the job.", j.Group)
	case j.Wait != Wait{}:
		return j.Wait.sentence()
	case !slices.ContainsFunc(runners, able) && len(j.Labels) == 1:
		return "No runner with the label " + labels + " is registered"
	case !slices.ContainsFunc(runners, able):
		return "No runner with the labels " + labels + " is registered"
	case !slices.ContainsFunc(runners, online):
		return "Waiting for a runner to pick up this job: every runner with " + labels + " is offline"
	}
	return "Waiting for a runner to pick up this job (" + labels + ")"
}
