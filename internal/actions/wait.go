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

// A Candidate is a runner that is registered where it could work for a repository, and
// what its group may be used for.
type Candidate struct {
	*Runner
	Access *Access
}

// Candidates are the runners that are registered where they could work for the jobs of a
// run.
type Candidates struct {
	Runners  []Candidate
	Work     Work        // what the groups look at: the repository and workflow of the run
	Groups   []*Access   // those that could have a runner
	Own      []Candidate // that may not: they are the repository's own, and its organization does not allow that
	Disabled bool        // Actions is, for the repository: no runner gets its jobs
}

// Held says whether a job waits for a reason that is set for its repository or for runner
// groups, and not for lack of runners.
func (j *Job) Held(c Candidates, now time.Time) bool {
	return j.Ready() && (c.Disabled || j.Refused(c, now) != nil || j.ownOnly(c) || j.noGroup(c))
}

// noGroup says whether a job names a group, and there is none of that name that may do it.
func (j *Job) noGroup(c Candidates) bool {
	may := func(g *Access) bool { return g.Covers(j.Group) && g.Admits(&c.Work) }
	return j.Group != "" && !slices.ContainsFunc(c.Groups, may) && len(c.able(j)) == 0
}

// ownOnly says whether the only runners that could take a job are those of its
// repository, which its organization does not allow.
func (j *Job) ownOnly(c Candidates) bool {
	able := func(r Candidate) bool { return r.Access.Covers(j.Group) && r.Has(j.Labels) }
	return !slices.ContainsFunc(c.Runners, able) && slices.ContainsFunc(c.Own, able)
}

// able are the runners that may do a job and carry its labels.
func (c *Candidates) able(j *Job) (list []Candidate) {
	for _, r := range c.Runners {
		if r.Access.Covers(j.Group) && r.Has(j.Labels) && r.Access.Admits(&c.Work) {
			list = append(list, r)
		}
	}
	return list
}

// Refused is a group that has a runner for a job, that is there now and carries its
// labels, and may not let it do the job; nil if there is none, or if another runner may.
func (j *Job) Refused(c Candidates, now time.Time) *Access {
	if !j.Ready() {
		return nil
	}
	var group *Access
	for _, r := range c.Runners {
		if !r.Access.Covers(j.Group) || !r.Has(j.Labels) || !r.Online(now) {
			continue
		}
		if r.Access.Admits(&c.Work) {
			return nil
		}
		group = r.Access
	}
	return group
}

// WaitsFor says in a sentence what keeps a job from starting, empty when it has
// started. The candidates matter only for a job that is [Job.Ready].
func (j *Job) WaitsFor(c Candidates, now time.Time) string {
	labels, able := strings.Join(j.Labels, ", "), c.able(j)
	refused := j.Refused(c, now)
	switch {
	case j.Status == InProgress || j.Status == Completed:
		return ""
	case j.Wait != Wait{}:
		return j.Wait.sentence()
	case c.Disabled:
		return "Waiting until Actions is enabled: it has been disabled for this repository"
	case refused != nil:
		return refused.sentence(&c.Work)
	case j.ownOnly(c):
		return "Waiting for a runner of the organization: it does not allow runners of this repository itself"
	case j.Group != "" && len(able) == 0:
		return j.waitsForGroup(c)
	case len(able) == 0 && len(j.Labels) == 1:
		return "No runner with the label " + labels + " is registered"
	case len(able) == 0:
		return "No runner with the labels " + labels + " is registered"
	case !slices.ContainsFunc(able, func(r Candidate) bool { return r.Online(now) }):
		return "Waiting for a runner to pick up this job: every runner" + j.ofGroup() + " is offline"
	case j.Group != "":
		return "Waiting for a runner" + j.ofGroup() + " to pick up this job"
	}
	return "Waiting for a runner to pick up this job (" + labels + ")"
}

// ofGroup says behind the word "runner" what runs-on asks for.
func (j *Job) ofGroup() (s string) {
	if j.Group != "" {
		s = " in the group '" + j.Group + "'"
	}
	if len(j.Labels) > 0 {
		s += " with " + strings.Join(j.Labels, ", ")
	}
	return s
}

// waitsForGroup says of a job that names a group without a runner for it why there is
// none.
func (j *Job) waitsForGroup(c Candidates) string {
	refused := ""
	for _, g := range c.Groups {
		if !g.Covers(j.Group) {
			continue
		}
		if g.Admits(&c.Work) {
			return "Waiting for a runner" + j.ofGroup() + ": there is none"
		}
		refused = g.sentence(&c.Work)
	}
	if refused != "" {
		return refused
	}
	return fmt.Sprintf("Waiting for a runner in the group '%s': this repository has no runner group of that name", j.Group)
}

// sentence says that the group may not do a job, and what can be done about it.
func (a *Access) sentence(w *Work) string {
	if w.Public && !a.Public {
		return "Waiting for a runner that may work for public repositories: the runner group '" + a.Name + "' does not allow them. " +
			"An admin can set allows_public_repositories of the group, or make the repository private"
	}
	return "Waiting for a runner that may do this job: the runner group '" + a.Name + "' " + a.Refusal(w)
}
