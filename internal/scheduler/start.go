package scheduler

import (
	"context"
	"errors"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A Start is a run that is about to be made: [Scheduler.Prepare] it, and then
// [Scheduler.Commit] it in the transaction that makes the run.
type Start struct {
	Run      *actions.Run // less id, number, attempt, status and times, which are set here
	Repo     *actions.Repository
	Source   *actions.RunSource
	Workflow *workflow.Workflow // nil when the file could not be read
	Hold     bool               // it waits until somebody approves it: see [Scheduler.Approve]
	Problem  error              // why it could not be read: a workflow.Errors

	draft *draft
	later bool // planned when its number is known
}

// Jobs is how many jobs a prepared run begins with; 0 where that depends on its
// number.
func (st *Start) Jobs() int { return len(st.draft.rows) }

// Prepare plans the first jobs of a run, outside of any transaction. A run whose
// workflow file cannot be read concludes as a failure, with an annotation for
// each error at its line and column; the check run that carries them has no key,
// and is not listed among the jobs. A run of an account that is suspended does not
// start, and says so in the same way; nor does one that
// uses actions that are not allowed. An event that is no JSON is Invalid.
func (s *Scheduler) Prepare(ctx context.Context, st *Start) error {
	now, run := s.now(), st.Run
	run.Attempt, run.Triggering, run.Status = 1, run.Actor, actions.Requested
	run.CreatedAt, run.StartedAt, run.UpdatedAt = now, now, now
	a := &actions.Attempt{Number: 1, PlanID: s.newID(), Triggering: run.Actor, Status: actions.Requested, StartedAt: now}
	repo := *st.Repo
	first := &state{run: run, attempt: a, repo: &repo}
	if run.Triggering.Suspended {
		st.draft = s.draft(first)
		st.draft.bar(st.draft.suspension())
		return nil
	}
	if st.Problem != nil {
		st.draft = s.draft(first)
		st.draft.unreadable(st.Problem)
		return nil
	}
	var err error
	if first.settings, err = s.settings.OfRun(ctx, &repo); err != nil {
		return err
	}
	if first.source, err = contexts.NewSource(st.Workflow, st.Source); err != nil {
		return err
	}
	a.LogsExpireAt = first.logsExpire(now)
	if st.Hold {
		st.draft = s.draft(first)
		st.draft.finish(actions.ActionRequired)
		return nil
	}
	why, err := s.refusal(ctx, &repo, first.source)
	if err != nil {
		return err
	}
	if why != "" {
		st.draft = s.draft(first)
		st.draft.bar(why)
		return nil
	}
	if st.later = readsNumber(st.Workflow); st.later {
		st.draft = &draft{state: *first, s: s}
		return nil
	}
	st.draft = s.draft(first)
	return st.draft.advance(ctx)
}

// readsNumber says whether the title or the jobs of a run depend on its id or its
// number, which only the store gives out.
func readsNumber(w *workflow.Workflow) bool {
	const id, number = "run_id", "run_number"
	return plan.Reads(w, "github", id, number) ||
		w.RunName.Any(func(e *expr.Expr) bool { return e.Reads("github", id, number) })
}

// Commit writes a prepared run, with the workflow that st.Run names by then, and
// sets its id and number. It evaluates nothing. A run whose jobs depend on these
// two is planned right after the commit, in a transaction of its own; should the
// server end in between, [Scheduler.Run] finds the run and plans it.
func (s *Scheduler) Commit(ctx context.Context, tx *store.Tx, st *Start) error {
	d := st.draft
	d.run.WorkflowID = st.Run.WorkflowID
	if err := tx.CreateRun(ctx, d.run, d.attempt, st.Source); err != nil {
		return err
	}
	if err := d.note(ctx, tx, event.RunRequested); err != nil {
		return err
	}
	if d.ends {
		if err := d.note(ctx, tx, event.RunCompleted); err != nil {
			return err
		}
	}
	*st.Run = *d.run
	if d.source != nil {
		tx.After(func() {
			s.sources.Keep(d.run.ID, st.Source, d.source)
			d.shared = nil // they lack id and number
		})
	}
	if err := d.writeRows(ctx, tx); err != nil {
		return err
	}
	if st.later {
		tx.After(func() { s.planNow(ctx, d.run.ID) })
	}
	return nil
}

// planNow plans a run that is requested. If that fails, it will be tried again.
func (s *Scheduler) planNow(ctx context.Context, runID int64) {
	err := s.change(context.WithoutCancel(ctx), runID, func(context.Context, *draft) error { return nil })
	if err != nil {
		s.log.WarnContext(ctx, "run not planned yet", "run", runID, "err", err)
	}
}

// maxTitle is the length of a run's title in characters.
const maxTitle = 1024

// begin gives the run its title, which may name the run's number. A run-name
// that fails leaves the title as it is.
func (d *draft) begin() {
	d.begins = true
	d.run.Status, d.attempt.Status = actions.Queued, actions.Queued
	if d.source == nil || d.source.Workflow.RunName == nil {
		return
	}
	name, err := d.source.Workflow.RunName.EvalString(&expr.Env{Contexts: d.plan().Contexts})
	if err == nil && name != "" {
		d.run.Title = actions.Clip(name, maxTitle)
	}
}

// unreadable concludes a run whose workflow file could not be read.
func (d *draft) unreadable(problem error) {
	var list workflow.Errors
	if !errors.As(problem, &list) {
		list = workflow.Errors{{Path: d.run.Path, Pos: workflow.Pos{Line: 1, Col: 1}, Msg: problem.Error()}}
	}
	notes := make([]*actions.Annotation, 0, len(list))
	for _, e := range list {
		a := noteAt(actions.LevelFailure, e.Error(), d.run.Path, e.Pos)
		a.Title = "Invalid workflow file"
		notes = append(notes, a)
	}
	d.finish(actions.Failure)
	d.check(notes...)
}
