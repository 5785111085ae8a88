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
	"context"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
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
	files     *files
}

// New makes a trigger.
func New(st *store.Store, git *gitrepo.Git, sc *scheduler.Scheduler, log *slog.Logger, now func() time.Time) *Trigger {
	return &Trigger{store: st, git: git, scheduler: sc, log: log, now: now, files: newFiles()}
}

// GitHub's limits on one push (TRG-8): with more tags, or more branches, than
// this, none of them is an event.
const (
	maxTags     = 3
	maxBranches = 5000
)

// started is what one event makes: runs, and the workflows they belong to.
type started struct {
	workflows []*actions.Workflow
	starts    []*scheduler.Start
}

// save writes workflows and runs.
func (t *Trigger) save(ctx context.Context, tx *store.Tx, s *started) error {
	ids := make(map[string]int64)
	for _, w := range s.workflows {
		if err := tx.SaveWorkflow(ctx, w); err != nil {
			return err
		}
		ids[w.Path] = w.ID
	}
	for _, st := range s.starts {
		st.Run.WorkflowID = ids[st.Run.Path]
		if err := t.scheduler.Start(ctx, tx, st); err != nil {
			return err
		}
	}
	return nil
}

// record is the row of a workflow file.
func (t *Trigger) record(repo *actions.Repository, f *file) *actions.Workflow {
	now := t.now()
	return &actions.Workflow{RepoID: repo.ID, Path: f.path, Name: f.name(), State: actions.Active, CreatedAt: now, UpdatedAt: now}
}
