package scheduler

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Result is what a runner reports of a job that is over.
type Result struct {
	Conclusion  actions.Conclusion
	Outputs     map[string]string
	Steps       []*actions.Step // the final state of all steps
	Annotations []*actions.Annotation
}

// Complete ends a job with what its runner reports, and starts what comes
// next. A job that is over stays as it is, and that is no error: the runner may
// not have heard the first answer.
func (s *Scheduler) Complete(ctx context.Context, guid string, res *Result) error {
	var job *actions.Job
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if job, err = tx.JobByGUID(ctx, guid); err != nil {
			return err
		}
		if job.Status == actions.Completed {
			return nil
		}
		job.Outputs = res.Outputs
		for _, step := range res.Steps {
			if err := tx.SaveStep(ctx, job, step); err != nil {
				return err
			}
		}
		return s.end(ctx, tx, job, res.Conclusion, res.Annotations...)
	})
	if err != nil {
		return fmt.Errorf("complete: %w", err)
	}
	s.log.InfoContext(ctx, "job completed", "job", job.ID, "run", job.RunID, "runner", job.RunnerID, "conclusion", job.Conclusion)
	return nil
}

// Fail ends a job that cannot go on, with a message that people find beside it.
// A job that was told to cancel ends as cancelled.
func (s *Scheduler) Fail(ctx context.Context, jobID int64, message string) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		job, err := tx.Job(ctx, jobID)
		if err != nil || job.Status == actions.Completed {
			return err
		}
		return s.end(ctx, tx, job, lost(job), note(job, actions.LevelFailure, message))
	})
	if err != nil {
		return fmt.Errorf("fail job %d: %w", jobID, err)
	}
	s.log.WarnContext(ctx, "job failed by the server", "job", jobID, "reason", message)
	return nil
}

// lost is the conclusion of a job whose runner does not conclude it.
func lost(j *actions.Job) actions.Conclusion {
	if !j.CancelAt.IsZero() {
		return actions.Cancelled
	}
	return actions.Failure
}

// note is a remark on the job itself.
func note(j *actions.Job, level actions.Level, message string) *actions.Annotation {
	return &actions.Annotation{JobID: j.ID, Path: ".github", StartLine: 1, EndLine: 1, Level: level, Message: message}
}

// end concludes a job in tx and advances its run.
func (s *Scheduler) end(ctx context.Context, tx *store.Tx, job *actions.Job, c actions.Conclusion, notes ...*actions.Annotation) error {
	if err := s.conclude(ctx, tx, job, c, notes...); err != nil {
		return err
	}
	st, err := s.load(ctx, tx, job.RunID)
	if err != nil || st.run.Attempt != job.Attempt {
		return err
	}
	return s.advance(ctx, tx, st)
}

// conclude writes the end of a job: the job's tokens die with it, steps that
// still seem to run are closed, and a runner for one job is removed.
func (s *Scheduler) conclude(ctx context.Context, tx *store.Tx, job *actions.Job, c actions.Conclusion, notes ...*actions.Annotation) error {
	now := s.now()
	held := job.Status == actions.InProgress
	if !job.Complete(c, now) {
		return nil
	}
	if err := tx.UpdateJob(ctx, job); err != nil {
		return err
	}
	for _, a := range notes {
		a.JobID = job.ID
		if err := tx.CreateAnnotation(ctx, a); err != nil {
			return err
		}
	}
	tx.After(func() { s.queue.Forget(job) })
	if !held {
		return nil
	}
	if err := s.closeSteps(ctx, tx, job); err != nil {
		return err
	}
	if err := tx.DeleteJobTokens(ctx, job.ID); err != nil {
		return err
	}
	return removeEphemeral(ctx, tx, job.RunnerID)
}

// closeSteps ends the steps that no runner will report on any more.
func (s *Scheduler) closeSteps(ctx context.Context, tx *store.Tx, job *actions.Job) error {
	steps, err := tx.Steps(ctx, job.ID)
	if err != nil {
		return err
	}
	for _, st := range steps {
		if st.Status == actions.Completed {
			continue
		}
		if st.Status == actions.InProgress {
			st.Conclusion = job.Conclusion
		} else {
			st.Conclusion = actions.Skipped
		}
		st.Status, st.CompletedAt = actions.Completed, job.CompletedAt
		if err := tx.SaveStep(ctx, job, st); err != nil {
			return err
		}
	}
	return nil
}

func removeEphemeral(ctx context.Context, tx *store.Tx, runnerID int64) error {
	r, err := tx.Runner(ctx, runnerID)
	if actions.KindOf(err) == actions.NotFound || err == nil && !r.Ephemeral {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.DeleteRunner(ctx, r.ID)
}
