// Package trigger turns events into runs.
//
// A push comes in two halves. Before any ref moves, [Trigger.Intend] writes down
// what is about to move. When git is done, [Trigger.Pushed] reads the workflow
// files at the new commits, decides which of them the push starts, and writes
// their runs, in one transaction that also ends the intent. A server that dies
// in between finds the intent when it starts again, asks the refs what became of
// it, and goes on from there ([Trigger.Reconcile]); so a push that was answered
// has its runs, once.
//
// A dispatch is checked against the workflow file at its ref and is one
// transaction.
//
// Files are known by their object name, so a file that did not change is not
// parsed again.
package trigger

import (
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Trigger is safe for concurrent use.
type Trigger struct {
	store     *store.Store
	git       *gitrepo.Git
	scheduler *scheduler.Scheduler
	log       *slog.Logger
	now       func() time.Time
	files     *recent.Cache[fileKey, *file] // parsed, by name
}

// New makes a trigger.
func New(st *store.Store, git *gitrepo.Git, sc *scheduler.Scheduler, log *slog.Logger, now func() time.Time) *Trigger {
	return &Trigger{store: st, git: git, scheduler: sc, log: log, now: now, files: recent.New[fileKey, *file](maxFiles, maxFilesSize)}
}

// GitHub's limits on one push (TRG-8): with more tags, or more branches, than
// this, none of them is an event.
const (
	maxTags     = 3
	maxBranches = 5000
)
