package scheduler

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A state is a run in its current attempt, in the middle of a transaction.
type state struct {
	run     *actions.Run
	attempt *actions.Attempt
	repo    *actions.Repository
	source  *contexts.Source
	broken  error      // why there is no source
	jobs    []plan.Job // as the plan knows them
}

// load reads the current attempt of a run. Its source is nil when the workflow
// file cannot be read, be it that an older server could.
func (s *Scheduler) load(ctx context.Context, tx *store.Tx, runID int64) (st *state, err error) {
	st = &state{}
	if st.run, err = tx.Run(ctx, runID); err != nil {
		return nil, err
	}
	if st.attempt, err = tx.Attempt(ctx, runID, st.run.Attempt); err != nil {
		return nil, err
	}
	if st.repo, err = tx.Repository(ctx, st.run.RepoID); err != nil {
		return nil, err
	}
	states, err := tx.JobStates(ctx, runID, st.run.Attempt)
	if err != nil {
		return nil, err
	}
	st.jobs = PlanJobs(states)
	if st.source, err = s.sources.In(ctx, tx, st.run); err != nil {
		if actions.KindOf(err) != actions.Invalid {
			return nil, err
		}
		st.broken = err
	}
	return st, nil
}

// advance does what the plan says is next, until nothing is: it queues and skips
// jobs, cancels what is to be cancelled, and concludes the attempt in the end.
func (s *Scheduler) advance(ctx context.Context, tx *store.Tx, st *state) error {
	for st.attempt.Status != actions.Completed {
		if st.source == nil {
			return s.abandon(ctx, tx, st, st.broken)
		}
		d, err := plan.Next(s.planRun(st))
		if err != nil {
			return s.abandon(ctx, tx, st, err)
		}
		again, err := s.apply(ctx, tx, st, d)
		if err != nil {
			return err
		}
		if d.Concluded {
			return s.finish(ctx, tx, st, d)
		}
		if !again {
			return nil
		}
	}
	return nil
}

// abandon ends an attempt of which nobody can say what would be next, because
// this server cannot read its workflow any more. Were it an error, the run could
// never end, and its runners would be asked about it for ever.
func (s *Scheduler) abandon(ctx context.Context, tx *store.Tx, st *state, reason error) error {
	for _, known := range st.jobs {
		j, err := tx.Job(ctx, known.ID)
		if err != nil {
			return err
		}
		if err := s.conclude(ctx, tx, j, actions.Failure); err != nil {
			return err
		}
	}
	return s.finish(ctx, tx, st, &plan.Decision{
		Conclusion: actions.Failure, Error: "The workflow of this run cannot be read by this server: " + reason.Error(),
	})
}

// planRun is an attempt as the plan sees it.
func (s *Scheduler) planRun(st *state) *plan.Run {
	return &plan.Run{
		Workflow: st.source.Workflow, Contexts: s.contexts(st.run, st.repo, st.source), Jobs: st.jobs,
		Cancelled: !st.attempt.CancelAt.IsZero(), Force: st.attempt.Forced,
	}
}

// contexts are what expressions of a run may name before any job has run.
func (s *Scheduler) contexts(run *actions.Run, repo *actions.Repository, src *contexts.Source) *expr.Object {
	return (&contexts.Run{Run: run, Repo: repo, Source: src, Settings: s.settings, Base: src.Base}).Contexts()
}

// PlanJobs are the jobs of an attempt as the plan sees them.
func PlanJobs(states []*store.JobState) []plan.Job {
	list := make([]plan.Job, 0, len(states))
	for _, j := range states {
		if j.Key == "" {
			continue // the check run of the file itself
		}
		list = append(list, plan.Job{
			ID: j.ID, Key: j.Key, Index: j.Index, Total: j.Total, Held: j.Held, Status: j.Status, Conclusion: j.Conclusion,
			ContinueOnError: j.ContinueOnError, Outputs: j.Outputs, CompletedAt: j.CompletedAt,
		})
	}
	return list
}

// apply does what the plan says. again means that a job ended by it, so the
// plan may have more to say.
func (s *Scheduler) apply(ctx context.Context, tx *store.Tx, st *state, d *plan.Decision) (again bool, err error) {
	for i := range st.jobs {
		known := &st.jobs[i]
		cancel, release := slices.Contains(d.Cancel, known.ID), slices.Contains(d.Release, known.ID)
		if !cancel && !release {
			continue
		}
		j, err := tx.Job(ctx, known.ID)
		if err != nil {
			return false, err
		}
		if cancel {
			err = s.stop(ctx, tx, j, st.attempt.Forced)
		} else {
			err = s.release(ctx, tx, j)
		}
		if err != nil {
			return false, err
		}
		again = again || cancel && j.Status == actions.Completed
		known.Status, known.Conclusion, known.Held, known.CompletedAt = j.Status, j.Conclusion, j.Held, j.CompletedAt
	}
	for i := range d.Create {
		j, err := s.create(ctx, tx, st, &d.Create[i])
		if err != nil {
			return false, err
		}
		known, err := plan.Row(j)
		if err != nil {
			return false, err
		}
		st.jobs = append(st.jobs, *known)
		again = again || j.Status == actions.Completed
	}
	return again, nil
}

// release lets a job that waited for its siblings go to runners.
func (s *Scheduler) release(ctx context.Context, tx *store.Tx, j *actions.Job) error {
	j.Release(s.now())
	if err := tx.UpdateJob(ctx, j); err != nil {
		return err
	}
	s.wake(tx, j)
	return nil
}

// create writes a job that the plan asks for, and offers it to runners.
func (s *Scheduler) create(ctx context.Context, tx *store.Tx, st *state, n *plan.NewJob) (*actions.Job, error) {
	now := s.now()
	j := &actions.Job{
		RunID: st.run.ID, RepoID: st.run.RepoID, OwnerID: st.repo.Owner.ID, Attempt: st.run.Attempt, GUID: s.newID(),
		Key: n.Key, Index: n.Index, Total: n.Total, Name: actions.Clip(n.Name, maxText), Labels: n.Labels,
		Group: actions.Clip(n.RunnerGroup, maxText), Held: n.Hold,
		ContinueOnError: n.ContinueOnError, Timeout: time.Duration(n.TimeoutMinutes) * time.Minute,
		CancelTimeout: time.Duration(n.CancelTimeoutMinutes) * time.Minute, Status: n.Status, Conclusion: n.Conclusion, CreatedAt: now,
	}
	if n.Matrix != nil {
		j.Matrix = []byte(expr.ToJSON(n.Matrix))
	}
	switch {
	case j.Status == actions.Completed:
		j.CompletedAt = now
	case !j.Held:
		j.QueuedAt = now
	}
	if err := tx.CreateJob(ctx, j); err != nil {
		return nil, err
	}
	if err := s.remark(ctx, tx, st, j, n); err != nil {
		return nil, err
	}
	if j.Status == actions.Queued && !j.Held {
		s.wake(tx, j)
	}
	return j, nil
}

// remark notes beside a new job why it failed before it began, or why it will
// wait for ever.
func (s *Scheduler) remark(ctx context.Context, tx *store.Tx, st *state, j *actions.Job, n *plan.NewJob) error {
	var a *actions.Annotation
	switch {
	case n.Error != "":
		a = remarkAt(j.ID, actions.LevelFailure, n.Error, st.run.Path, n.ErrorPos)
	case j.Status != actions.Completed && !new(actions.Runner).InGroup(j.Group):
		a = note(j.ID, actions.LevelWarning, fmt.Sprintf("This server has no runner group '%s', so no runner can take the job.", j.Group))
		a.Path = st.run.Path
	default:
		return nil
	}
	return tx.CreateAnnotation(ctx, a)
}

// remarkAt is a remark about a place in the workflow file.
func remarkAt(jobID int64, level actions.Level, message, path string, at workflow.Pos) *actions.Annotation {
	a := note(jobID, level, message)
	line := max(at.Line, 1)
	a.Path, a.StartLine, a.EndLine, a.StartColumn, a.EndColumn = path, line, line, at.Col, at.Col
	return a
}

// finish concludes the attempt and the run.
func (s *Scheduler) finish(ctx context.Context, tx *store.Tx, st *state, d *plan.Decision) error {
	now := s.now()
	st.attempt.Status, st.attempt.Conclusion, st.attempt.CompletedAt = actions.Completed, d.Conclusion, now
	st.run.Status, st.run.Conclusion, st.run.UpdatedAt = actions.Completed, d.Conclusion, now
	if err := tx.UpdateAttempt(ctx, st.attempt); err != nil {
		return err
	}
	if err := tx.UpdateRun(ctx, st.run); err != nil {
		return err
	}
	if d.Error != "" {
		if err := s.annotateRun(ctx, tx, st, d); err != nil {
			return err
		}
	}
	tx.After(func() {
		s.log.InfoContext(ctx, "run completed", "repo", st.run.RepoID, "run", st.run.ID, "attempt", st.run.Attempt, "conclusion", d.Conclusion)
	})
	return nil
}

// annotateRun says why a run could not start, on a check run of its own.
func (s *Scheduler) annotateRun(ctx context.Context, tx *store.Tx, st *state, d *plan.Decision) error {
	check, err := s.fileCheck(ctx, tx, st.run, st.repo)
	if err != nil {
		return err
	}
	return tx.CreateAnnotation(ctx, remarkAt(check.ID, actions.LevelFailure, d.Error, st.run.Path, d.ErrorPos))
}
