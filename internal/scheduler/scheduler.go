// Package scheduler moves runs from their first job to their conclusion.
//
// Whenever a run starts, a job ends, or somebody cancels, it asks package plan
// what is next and does it: the new jobs are queued, the skipped ones are noted,
// the run concludes. All of it is one transaction, or nothing of it happened. So
// there is no state between "a job ended" and "the next is queued" that a crash
// could expose. Waiting runners are woken after the commit.
//
// Planning evaluates expressions, and nobody should wait for those of others. So
// it happens before the transaction, in memory: a [state] is read, a [draft] is
// made of it, and the transaction only writes what is in the draft. A run has a
// revision that each of these transactions raises. If it is not the expected one
// any more, or if one of the jobs is not as the draft says, nothing is written
// and a new draft is made. In one server, changes of one run stand in line; those
// who wait are planned and written together (file change.go). The state that a
// draft leaves is remembered for the next one, and a revision that another
// server has raised shows that it is old. That a runner acquires a job raises no
// revision, for a plan does not depend on it.
//
// A new run is planned before it is written, too ([Scheduler.Prepare], then
// [Scheduler.Commit]). If its jobs depend on its id or number, which only the
// store gives out, it is written as requested and planned at once after that.
//
// [Scheduler.Run] watches what no event announces: runners that no longer renew
// their job, jobs over their time, cancellations that a runner ignores. Every lease
// gets a full period before it can lapse after a start, after a time in which this
// process stood still, and after one in which the database did not do its work: so
// no outage of the server fails a job whose runner is alive. It also plans what a
// server that is gone has requested, and ends at once the runs of accounts that are
// suspended or deleted.
//
// A run is planned from what was recorded when it was made (actions.RunSource),
// and a re-run years later from the same.
package scheduler

import (
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/outage"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what a scheduler needs. All fields but Objects, Settings, Policy and Outages are required.
type Config struct {
	Store   *store.Store
	Queue   *queue.Queue
	Sources *source.Sources
	Log     *slog.Logger
	Now     func() time.Time
	NewID   func() string // makes a random GUID
	Lease   time.Duration // how long a runner holds a job without renewing it

	// Objects remove the bytes of artifacts when a run is deleted. Without them that
	// waits for the sweep of objects.
	Objects *object.Objects

	Settings *settings.Settings // nil for those of a server whose operator says nothing
	Policy   *policy.Policy     // nil for that of the settings
	Outages  *outage.Outages    // nil for a server that was never away
}

// A Scheduler is safe for concurrent use.
type Scheduler struct {
	store   *store.Store
	queue   *queue.Queue
	log     *slog.Logger
	now     func() time.Time
	newID   func() string
	lease   time.Duration
	objects *object.Objects

	settings *settings.Settings
	policy   *policy.Policy
	outages  *outage.Outages
	sources  *source.Sources
	states   *recent.Cache[int64, *state] // the newest, of runs that are in progress
	renewed  *recent.Cache[int64, bool]   // jobs that were renewed after their end: see [Scheduler.Renewed]
	lines    lines
}

// New makes a scheduler. It starts nothing: see [Scheduler.Run].
func New(c Config) *Scheduler {
	if c.Settings == nil {
		c.Settings = settings.New(c.Store)
	}
	if c.Policy == nil {
		c.Policy = policy.New(c.Store, c.Settings)
	}
	return &Scheduler{
		store: c.Store, queue: c.Queue, log: c.Log, now: c.Now, newID: c.NewID, lease: c.Lease, objects: c.Objects,
		settings: c.Settings, policy: c.Policy, outages: c.Outages, sources: c.Sources,
		states: newStates(), renewed: recent.New[int64, bool](maxRenewed, maxRenewed),
	}
}
