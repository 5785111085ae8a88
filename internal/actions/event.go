package actions

import "time"

// A RefUpdate is one ref that a push moves. A zero SHA stands for "is not there".
type RefUpdate struct {
	Ref    string `json:"ref"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// ZeroSHA is how git writes a commit that is not there.
const ZeroSHA = "0000000000000000000000000000000000000000"

// Created says whether the update makes the ref.
func (u RefUpdate) Created() bool { return u.Before == ZeroSHA }

// Deleted says whether the update removes the ref.
func (u RefUpdate) Deleted() bool { return u.After == ZeroSHA }

// A Push is the intent to move refs, written before they move. It stays until
// its runs are made, so that nothing that happens in between loses an event. It is
// settled when it is known what became of it: before the next push of its
// repository may move a ref, at the latest.
//
// With a Happening it moves nothing: it is another event, which has happened, and
// stays until its runs are made.
type Push struct {
	ID        int64
	RepoID    int64
	ActorID   int64
	ByJob     bool        // made with a job's token
	Updates   []RefUpdate // that are to be made; those that were, once it is settled
	Settled   bool
	Happening *Happening // nil for a push
	CreatedAt time.Time
}

// A Happening is an event other than a push that has happened, as it is kept until its
// runs are made. Its payload is kept beside it, or made of the run that it names.
type Happening struct {
	Name   string `json:"name"`
	Action string `json:"action,omitempty"` // activity type

	Ref   string `json:"ref,omitempty"` // that runs get, of an event that has its own
	SHA   string `json:"sha,omitempty"` // as Ref
	Title string `json:"title,omitempty"`

	FilterRef    string `json:"filter_ref,omitempty"`    // full ref that filters look at
	WorkflowName string `json:"workflow_name,omitempty"` // that the filter of workflow_run looks at
	Workflow     string `json:"workflow,omitempty"`      // path of the only workflow that may start
	RunID        int64  `json:"run_id,omitempty"`        // of a workflow_run: the run that got on
	Attempt      int    `json:"attempt,omitempty"`       // as RunID
	Cron         string `json:"cron,omitempty"`          // of a schedule
	Timezone     string `json:"timezone,omitempty"`      // as Cron
	FromFork     bool   `json:"from_fork,omitempty"`
	Base         string `json:"base,omitempty"` // URL of the server, as it was reached

	// Since and Until are the commits that the event is between, of which filters of paths
	// look at what Until changed since both had the same history; empty where that cannot be told.
	Since string `json:"since,omitempty"`
	Until string `json:"until,omitempty"`

	Pull *PullEvent `json:"pull,omitempty"` // of an event of a pull request of this server

	// DefaultWas is the branch that was the default one until another became it. That starts
	// nothing: workflows and schedules become those of the new one. Empty for any other event.
	DefaultWas string `json:"default_was,omitempty"`
}
