// Package scheduler moves runs from their first job to their conclusion.
//
// Whenever a run starts, a job ends, or somebody cancels, it asks package plan
// what is next and does it, in the transaction of the event itself: the new jobs
// are queued, the skipped ones are noted, the run concludes, or nothing of it
// happened. So there is no state between "a job ended" and "the next is queued"
// that a crash could expose. Waiting runners are woken after the commit.
//
// [Scheduler.Run] watches what no event announces: runners that no longer renew
// their job, jobs over their time, cancellations that a runner ignores. Every
// lease gets a full period after a start before it can lapse, so an outage of
// the server fails no job whose runner is alive.
//
// A run is planned from what was recorded when it was made (actions.RunSource),
// and a re-run years later from the same.
package scheduler

import (
	"context"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what a scheduler needs. All fields but Drop and Settings are required.
type Config struct {
	Store   *store.Store
	Queue   *queue.Queue
	Sources *source.Sources
	Log     *slog.Logger
	Now     func() time.Time
	NewID   func() string // makes a random GUID
	Lease   time.Duration // how long a runner holds a job without renewing it

	// Drop removes objects, with the bytes of artifacts, in a transaction. Without
	// it they wait for the sweep of objects when a run is deleted.
	Drop func(ctx context.Context, tx *store.Tx, objects ...int64) error

	Settings contexts.Settings // for expressions
}

// A Scheduler is safe for concurrent use.
type Scheduler struct {
	store *store.Store
	queue *queue.Queue
	log   *slog.Logger
	now   func() time.Time
	newID func() string
	lease time.Duration
	drop  func(ctx context.Context, tx *store.Tx, objects ...int64) error

	settings contexts.Settings
	sources  *source.Sources
}

// New makes a scheduler. It starts nothing: see [Scheduler.Run].
func New(c Config) *Scheduler {
	if c.Drop == nil {
		c.Drop = func(context.Context, *store.Tx, ...int64) error { return nil }
	}
	return &Scheduler{
		store: c.Store, queue: c.Queue, log: c.Log, now: c.Now, newID: c.NewID, lease: c.Lease, drop: c.Drop,
		settings: c.Settings, sources: c.Sources,
	}
}

// wake offers the job to runners once the transaction is committed.
func (s *Scheduler) wake(tx *store.Tx, j *actions.Job) {
	w := &store.Waiting{ID: j.ID, RepoID: j.RepoID, OwnerID: j.OwnerID, GUID: j.GUID, Group: j.Group, Labels: j.Labels}
	tx.After(func() { s.queue.Wake(w) })
}
