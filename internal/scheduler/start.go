package scheduler

import (
	"context"
	"errors"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A Start is a run that is about to be made.
type Start struct {
	Run      *actions.Run // less id, number, attempt, status and times, which Start sets
	Repo     *actions.Repository
	Source   *actions.RunSource
	Workflow *workflow.Workflow // nil when the file could not be read
	Problem  error              // why it could not be read: a workflow.Errors
}

// Start writes the run with its first attempt and its first jobs. A run whose
// workflow file cannot be read concludes as a failure at once, with an
// annotation for each error at its line and column; the check run that carries
// them has no key, and is not listed among the jobs.
func (s *Scheduler) Start(ctx context.Context, tx *store.Tx, st *Start) error {
	now, run := s.now(), st.Run
	run.Attempt, run.Triggering, run.Status = 1, run.Actor, actions.Queued
	run.CreatedAt, run.StartedAt, run.UpdatedAt = now, now, now
	a := &actions.Attempt{Number: 1, PlanID: s.newID(), Triggering: run.Actor, Status: actions.Queued, StartedAt: now}
	if st.Problem != nil {
		run.Status, run.Conclusion = actions.Completed, actions.Failure
		a.Status, a.Conclusion, a.CompletedAt = run.Status, run.Conclusion, now
	}
	if err := tx.CreateRun(ctx, run, a, st.Source); err != nil {
		return err
	}
	if st.Problem != nil {
		return s.annotateFile(ctx, tx, st)
	}
	src, err := contexts.NewSource(st.Workflow, st.Source)
	if err != nil {
		return err
	}
	tx.After(func() { s.sources.Keep(run.ID, st.Source, src) })
	if err := s.title(ctx, tx, st, src); err != nil {
		return err
	}
	return s.launch(ctx, tx, &state{run: run, attempt: a, repo: st.Repo, source: src})
}

// launch makes the first jobs of an attempt. People who rely on concurrency
// groups must not find out by two deployments at once that there are none here.
func (s *Scheduler) launch(ctx context.Context, tx *store.Tx, st *state) error {
	if err := s.advance(ctx, tx, st); err != nil || len(st.jobs) == 0 {
		return err
	}
	w := st.source.Workflow
	if w.Concurrency == nil && !slices.ContainsFunc(w.Jobs, func(j *workflow.Job) bool { return j.Concurrency != nil }) {
		return nil
	}
	a := note(st.jobs[0].ID, actions.LevelWarning, "This server does not act on 'concurrency': the run neither waits for others nor cancels them.")
	a.Path = st.run.Path
	return tx.CreateAnnotation(ctx, a)
}

// maxTitle is the length of a run's title in characters.
const maxTitle = 1024

// title evaluates run-name, which may name the run's number. One that fails
// leaves the title as it is.
func (s *Scheduler) title(ctx context.Context, tx *store.Tx, st *Start, src *contexts.Source) error {
	if st.Workflow.RunName == nil {
		return nil
	}
	name, err := st.Workflow.RunName.EvalString(&expr.Env{Contexts: s.contexts(st.Run, st.Repo, src)})
	if err != nil || name == "" {
		return nil // as said above
	}
	st.Run.Title = actions.Clip(name, maxTitle)
	return tx.UpdateRun(ctx, st.Run)
}

// annotateFile makes the check run of a file that could not be read.
func (s *Scheduler) annotateFile(ctx context.Context, tx *store.Tx, st *Start) error {
	run := st.Run
	check, err := s.fileCheck(ctx, tx, run, st.Repo)
	if err != nil {
		return err
	}
	var list workflow.Errors
	if !errors.As(st.Problem, &list) {
		list = workflow.Errors{{Path: run.Path, Pos: workflow.Pos{Line: 1, Col: 1}, Msg: st.Problem.Error()}}
	}
	for _, e := range list {
		a := remarkAt(check.ID, actions.LevelFailure, e.Error(), run.Path, e.Pos)
		a.Title = "Invalid workflow file"
		if err := tx.CreateAnnotation(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// fileCheck makes the check run of a workflow file whose run has no jobs. It
// carries annotations and is not listed among jobs, because its key is empty.
func (s *Scheduler) fileCheck(ctx context.Context, tx *store.Tx, run *actions.Run, repo *actions.Repository) (*actions.Job, error) {
	now := s.now()
	check := &actions.Job{
		RunID: run.ID, RepoID: run.RepoID, OwnerID: repo.Owner.ID, Attempt: run.Attempt, GUID: s.newID(),
		Total: 1, Name: run.Path, Status: actions.Completed, Conclusion: actions.Failure, CreatedAt: now, CompletedAt: now,
	}
	return check, tx.CreateJob(ctx, check)
}
