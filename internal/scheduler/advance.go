package scheduler

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/store"
)

// A state is a run in its current attempt, in the middle of a transaction.
type state struct {
	run     *actions.Run
	attempt *actions.Attempt
	repo    *actions.Repository
	source  *Source
	broken  error // why there is no source
	jobs    []*actions.Job
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
	if st.jobs, err = tx.Jobs(ctx, runID, st.run.Attempt); err != nil {
		return nil, err
	}
	if st.source, err = s.source(ctx, tx, st.run); err != nil {
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
	for _, j := range st.jobs {
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
		Workflow: st.source.Workflow, Contexts: s.contexts(st.run, st.repo, st.source), Jobs: PlanJobs(st.jobs),
		Cancelled: !st.attempt.CancelAt.IsZero(), Force: st.attempt.Forced,
	}
}

// PlanJobs are job rows as the plan sees them.
func PlanJobs(jobs []*actions.Job) []plan.Job {
	list := make([]plan.Job, 0, len(jobs))
	for _, j := range jobs {
		if j.Key == "" {
			continue // the check run of the file itself
		}
		p := plan.Job{
			ID: j.ID, Key: j.Key, Index: j.Index, Total: j.Total, Held: j.Held, Status: j.Status, Conclusion: j.Conclusion,
			ContinueOnError: j.ContinueOnError, Outputs: j.Outputs, CompletedAt: j.CompletedAt,
		}
		if len(j.Matrix) > 0 {
			if v, err := expr.FromJSON(j.Matrix); err == nil { // written by CreateJob's caller below
				p.Matrix, _ = v.(*expr.Object)
			}
		}
		list = append(list, p)
	}
	return list
}

// apply does what the plan says. again means that a job ended by it, so the
// plan may have more to say.
func (s *Scheduler) apply(ctx context.Context, tx *store.Tx, st *state, d *plan.Decision) (again bool, err error) {
	for _, id := range d.Cancel {
		i := slices.IndexFunc(st.jobs, func(j *actions.Job) bool { return j.ID == id })
		if err := s.stop(ctx, tx, st.jobs[i], st.attempt.Forced); err != nil {
			return false, err
		}
		again = again || st.jobs[i].Status == actions.Completed
	}
	for _, id := range d.Release {
		i := slices.IndexFunc(st.jobs, func(j *actions.Job) bool { return j.ID == id })
		st.jobs[i].Release(s.now())
		if err := tx.UpdateJob(ctx, st.jobs[i]); err != nil {
			return false, err
		}
		s.wake(tx, st.jobs[i])
	}
	for i := range d.Create {
		j, err := s.create(ctx, tx, st, &d.Create[i])
		if err != nil {
			return false, err
		}
		st.jobs = append(st.jobs, j)
		again = again || j.Status == actions.Completed
	}
	return again, nil
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
	if err := s.remark(ctx, tx, st, j, n.Error); err != nil {
		return nil, err
	}
	if j.Status == actions.Queued && !j.Held {
		s.wake(tx, j)
	}
	return j, nil
}

// remark notes beside a new job why it failed before it began, or why it will
// wait for ever.
func (s *Scheduler) remark(ctx context.Context, tx *store.Tx, st *state, j *actions.Job, problem string) error {
	var a *actions.Annotation
	switch {
	case problem != "":
		a = note(j, actions.LevelFailure, problem)
	case j.Status != actions.Completed && !new(actions.Runner).InGroup(j.Group):
		a = note(j, actions.LevelWarning, fmt.Sprintf("This server has no runner group '%s', so no runner can take the job.", j.Group))
	default:
		return nil
	}
	a.Path = st.run.Path
	return tx.CreateAnnotation(ctx, a)
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
		if err := s.annotateRun(ctx, tx, st, d.Error); err != nil {
			return err
		}
	}
	tx.After(func() {
		s.log.InfoContext(ctx, "run completed", "repo", st.run.RepoID, "run", st.run.ID, "attempt", st.run.Attempt, "conclusion", d.Conclusion)
	})
	return nil
}

// annotateRun says why a run could not start, on a check run of its own.
func (s *Scheduler) annotateRun(ctx context.Context, tx *store.Tx, st *state, message string) error {
	check, err := s.fileCheck(ctx, tx, st.run, st.repo)
	if err != nil {
		return err
	}
	a := note(check, actions.LevelFailure, message)
	a.Path = st.run.Path
	return tx.CreateAnnotation(ctx, a)
}
