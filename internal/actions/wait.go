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
	Protection  Reason = "environment"  // for the rules of its environment
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
	case Protection:
		return "Waiting: the environment " + w.Name + " has protection rules, which this server does not apply yet. The job starts when they are removed"
	}
	return "Waiting for " + w.String()
}

// Ready says whether a runner may have the job.
func (j *Job) Ready() bool { return j.Status == Queued && j.Wait == Wait{} }

// Candidates are the runners that are registered where they could work for a repository.
type Candidates struct {
	Runners  []*Runner // that may
	Barred   []*Runner // that may not: it is public, and their group does not allow that
	Own      []*Runner // that may not: they are the repository's own, and its organization does not allow that
	Disabled bool      // Actions is, for the repository: no runner gets its jobs
}

// Held says whether a job waits for a reason that is set for its repository, and not for
// lack of runners.
func (j *Job) Held(c Candidates, now time.Time) bool {
	return j.Ready() && (c.Disabled || j.Barred(c, now) || j.ownOnly(c))
}

// ownOnly says whether the only runners that could take a job are those of its
// repository, which its organization does not allow.
func (j *Job) ownOnly(c Candidates) bool {
	able := func(r *Runner) bool { return r.InGroup(j.Group) && r.Has(j.Labels) }
	return !slices.ContainsFunc(c.Runners, able) && slices.ContainsFunc(c.Own, able)
}

// Barred says whether a job waits although runners are there for it, since their group
// does not allow public repositories.
func (j *Job) Barred(c Candidates, now time.Time) bool {
	online := func(r *Runner) bool { return r.InGroup(j.Group) && r.Has(j.Labels) && r.Online(now) }
	return j.Ready() && !slices.ContainsFunc(c.Runners, online) && slices.ContainsFunc(c.Barred, online)
}

// WaitsFor says in a sentence what keeps a job from starting, empty when it has
// started. The candidates matter only for a job that is [Job.Ready].
func (j *Job) WaitsFor(c Candidates, now time.Time) string {
	labels, runners := strings.Join(j.Labels, ", "), c.Runners
	able := func(r *Runner) bool { return r.Has(j.Labels) }
	online := func(r *Runner) bool { return able(r) && r.Online(now) }
	switch {
	case j.Status == InProgress || j.Status == Completed:
		return ""
	case !new(Runner).InGroup(j.Group):
		return fmt.Sprintf("This server has no runner group '%s', so no runner can take the job.", j.Group)
	case j.Wait != Wait{}:
		return j.Wait.sentence()
	case c.Disabled:
		return "Waiting until Actions is enabled: it has been disabled for this repository"
	case j.Barred(c, now):
		return "Waiting for a runner that may work for public repositories: the runner group '" + DefaultGroup + "' does not allow them. " +
			"An admin can set allows_public_repositories of the group, or make the repository private"
	case j.ownOnly(c):
		return "Waiting for a runner of the organization: it does not allow runners of this repository itself"
	case !slices.ContainsFunc(runners, able) && len(j.Labels) == 1:
		return "No runner with the label " + labels + " is registered"
	case !slices.ContainsFunc(runners, able):
		return "No runner with the labels " + labels + " is registered"
	case !slices.ContainsFunc(runners, online):
		return "Waiting for a runner to pick up this job: every runner with " + labels + " is offline"
	}
	return "Waiting for a runner to pick up this job (" + labels + ")"
}
