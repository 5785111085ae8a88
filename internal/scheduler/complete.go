package scheduler

import (
	"context"
	"fmt"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/steps"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Result is what a runner reports of a job that is over.
type Result struct {
	Conclusion  actions.Conclusion
	Outputs     map[string]string
	Steps       []*actions.Step // the final state of all steps, as it was reported: see [steps.Clean]
	Annotations []*actions.Annotation
}

// Complete ends a job with what its runner reports, and starts what comes
// next. A job that is over stays as it is, and that is no error: the runner may
// not have heard the first answer.
func (s *Scheduler) Complete(ctx context.Context, guid string, res *Result) error {
	var (
		job   *actions.Job
		ended bool // by this call
	)
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if job, err = tx.JobByGUID(ctx, guid); err != nil {
			return err
		}
		if ended = job.Status != actions.Completed; !ended {
			return nil
		}
		notes, err := s.outputs(ctx, tx, job, res)
		if err != nil {
			return err
		}
		lost, err := steps.Finish(ctx, tx, job, res.Steps)
		if err != nil {
			return err
		}
		if lost > 0 {
			notes = append(slices.Clip(notes), Missing("steps", lost))
		}
		return s.end(ctx, tx, job, res.Conclusion, notes...)
	})
	if err != nil || !ended {
		return wrap("complete", err)
	}
	s.log.InfoContext(ctx, "job completed", "job", job.ID, "run", job.RunID, "runner", job.RunnerID, "conclusion", job.Conclusion)
	return nil
}

// outputs gives the job its outputs, unless those of the run would be too large
// (RES-4), and returns the annotations of the job.
func (s *Scheduler) outputs(ctx context.Context, tx *store.Tx, job *actions.Job, res *Result) ([]*actions.Annotation, error) {
	if len(res.Outputs) == 0 {
		return res.Annotations, nil
	}
	size, err := tx.OutputSize(ctx, job.RunID, job.Attempt)
	if err != nil {
		return nil, err
	}
	if !job.SetOutputs(res.Outputs, size) {
		return append(slices.Clone(res.Annotations), note(job.ID, actions.LevelFailure,
			"The outputs of this job were dropped: those of all jobs of a run together may have at most 50 MB.")), nil
	}
	return res.Annotations, nil
}

// Missing is the warning that n things of a kind are not kept of what a runner
// reported of its job.
func Missing(what string, n int) *actions.Annotation {
	return note(0, actions.LevelWarning, fmt.Sprintf("The runner reported more than can be kept of a job: %d %s are missing.", n, what))
}

// Fail ends a job that cannot go on, with a message that people find beside it.
// A job that was told to cancel ends as cancelled.
func (s *Scheduler) Fail(ctx context.Context, jobID int64, message string) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		job, err := tx.Job(ctx, jobID)
		if err != nil || job.Status == actions.Completed {
			return err
		}
		return s.end(ctx, tx, job, lost(job), note(job.ID, actions.LevelFailure, message))
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

const maxText = 4096 // characters of a name or message

// note is a remark on the job itself.
func note(jobID int64, level actions.Level, message string) *actions.Annotation {
	return &actions.Annotation{JobID: jobID, Path: ".github", StartLine: 1, EndLine: 1, Level: level, Message: actions.Clip(message, maxText)}
}

// wrap says what failed, if something did.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
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
	return s.goOn(ctx, tx, st)
}

// goOn advances a run of which something has changed.
func (s *Scheduler) goOn(ctx context.Context, tx *store.Tx, st *state) error {
	err := s.advance(ctx, tx, st)
	if err != nil || st.attempt.Status == actions.Completed {
		return err
	}
	return tx.TouchRun(ctx, st.run, s.now())
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
	if err := tx.CloseSteps(ctx, job); err != nil {
		return err
	}
	if err := tx.DeleteJobTokens(ctx, job.ID); err != nil {
		return err
	}
	return tx.DeleteEphemeral(ctx, job.RunnerID)
}
