package actions

import "time"

// A WorkflowState says whether events may start a workflow. The texts are GitHub's.
type WorkflowState string

// The workflow states that this server sets.
const (
	Active           WorkflowState = "active"
	Deleted          WorkflowState = "deleted" // its file left the default branch
	DisabledManually WorkflowState = "disabled_manually"

	// DisabledInactivity is a schedule of a public repository to which nobody pushes.
	DisabledInactivity WorkflowState = "disabled_inactivity"
)

// A Workflow is the record of one workflow file of a repository.
type Workflow struct {
	ID        int64
	RepoID    int64
	Path      string // ".github/workflows/ci.yml"
	Name      string // the file's name:, else its path
	State     WorkflowState
	Events    string // what the file on the default branch names below on: " push schedule "; empty where that is not known
	CreatedAt time.Time
	UpdatedAt time.Time
}

// A Run is one execution of a workflow for one event. Its current attempt is
// the one that Attempt numbers; Status, Conclusion and StartedAt are that attempt's.
type Run struct {
	ID         int64
	RepoID     int64
	WorkflowID int64
	Number     int64  // counts the runs of one workflow from 1; a re-run keeps it (RR-1)
	Name       string // the workflow's name when the run was made
	Title      string // run-name:, else the head commit's first line or the event's words
	Path       string // workflow file
	Event      string // "push", "workflow_dispatch", …
	Ref        string // full ref: "refs/heads/main"
	HeadBranch string // short name of the branch or tag; of a pull request, that of its head
	HeadSHA    string // of a pull request, its head
	SHA        string // commit of the ref, which has the workflow file: github.sha. Empty in a new run for HeadSHA
	HeadRepoID int64  // where the head is: RepoID unless it is in a fork, 0 once that is gone
	HeadCommit Commit
	Chain      int     // of runs that it stands behind, each started by the one before it as workflow_run
	FromFork   bool    // the head is in a fork, of this server or another: see [Run.Restricted]
	Actor      Account // who caused the first attempt
	Attempt    int     // current attempt, from 1
	Triggering Account // who caused the current attempt
	Status     Status
	Conclusion Conclusion
	CreatedAt  time.Time
	StartedAt  time.Time // of the current attempt
	UpdatedAt  time.Time
	Revision   int64 // counts the changes of its jobs that were planned
}

// Settle fills in what is the same as the head, and the repository, where nothing is said.
func (r *Run) Settle() {
	if r.SHA == "" {
		r.SHA = r.HeadSHA
	}
	if !r.FromFork {
		r.HeadRepoID = r.RepoID
	}
}

// Restricted says whether the run does what a fork says, so that it gets no secrets and no
// variables, may change nothing and is nobody to others. What a pull_request_target runs
// is the base's own.
func (r *Run) Restricted() bool { return r.FromFork && r.Event != "pull_request_target" }

// A Commit is what a run shows of its head commit.
type Commit struct {
	SHA       string
	Tree      string
	Message   string
	Author    Signature
	Committer Signature
}

// A Signature is who made a commit, and when.
type Signature struct {
	Name  string
	Email string
	Time  time.Time
}

// An Attempt is one try of a run. The first has number 1; each re-run adds one.
type Attempt struct {
	RunID       int64
	Number      int
	PlanID      string // GUID by which the runner protocol knows the attempt
	Triggering  Account
	Status      Status
	Conclusion  Conclusion
	StartedAt   time.Time
	CompletedAt time.Time // zero until Status is Completed
	CancelAt    time.Time // when cancellation was asked for; zero if never
	Forced      bool      // the cancellation ignores conditions (CAN-5)
	Debug       bool      // step debug logging was asked for with the re-run

	// LogsExpireAt is from when on its logs are deleted; zero for never. The store takes
	// it when the attempt is made, and tells it only to who deletes them.
	LogsExpireAt time.Time
}

// A RunSource is everything a run was planned from. It is recorded once and
// never changes, so that a re-run years later plans the same jobs (RR-2).
type RunSource struct {
	RunID    int64
	Payload  []byte // the event, JSON
	Inputs   []byte // typed workflow_dispatch inputs, JSON object; empty for none
	Workflow []byte // text of the workflow file
	Base     string // URL of the server, as it was reached when the event came; empty where the payload says it
}

// Cancel asks the run's current attempt to stop. A completed run cannot be
// cancelled: GitHub answers 409 with this message.
func (a *Attempt) Cancel(force bool, now time.Time) error {
	if a.Status == Completed {
		return Errorf(Conflict, "Cannot cancel a workflow run that is completed.")
	}
	if a.CancelAt.IsZero() {
		a.CancelAt = now
	}
	a.Forced = a.Forced || force
	return nil
}

// rerunWindow is how long after its creation a run can be run again (RR-2).
const rerunWindow = 30 * 24 * time.Hour

// CanRerun is nil when r can be run again now, and else Forbidden, and says why.
func (r *Run) CanRerun(now time.Time) error {
	switch {
	case r.Status != Completed:
		return Errorf(Forbidden, "This workflow is already running")
	case now.Sub(r.CreatedAt) > rerunWindow:
		return Errorf(Forbidden, "Unable to retry this workflow run because it was created over a month ago")
	case r.Conclusion == StartupFailure, r.Conclusion == ActionRequired:
		return Errorf(Forbidden, "This workflow run cannot be retried")
	}
	return nil
}

// Rerun starts the next attempt of r, caused by who.
func (r *Run) Rerun(who Account, planID string, debug bool, now time.Time) (*Attempt, error) {
	if err := r.CanRerun(now); err != nil {
		return nil, err
	}
	r.Attempt++
	r.Triggering = who
	r.Status, r.Conclusion = Queued, ""
	r.StartedAt, r.UpdatedAt = now, now
	return &Attempt{
		RunID: r.ID, Number: r.Attempt, PlanID: planID, Triggering: who,
		Status: Queued, StartedAt: now, Debug: debug,
	}, nil
}
