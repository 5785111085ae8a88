package scheduler

import (
	"context"
	"fmt"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Complete ends a job, as it was read lately, with what its runner reports, and
// starts what comes next. A job that is over stays as it is, and that is no error: the runner may
// not have heard the first answer. What a runner reports is its last word on the
// job, so what is too much or makes no sense is only left out. A job that is reported
// as cancelled, and was not told to cancel, has failed.
func (s *Scheduler) Complete(ctx context.Context, job *actions.Job, res *Result) error {
	if job.Status == actions.Completed {
		return nil
	}
	res, err := s.explained(ctx, job, res)
	if err != nil {
		return wrap("complete", err)
	}
	res = res.kept()
	ended := false // by this call
	err = s.change(ctx, job.RunID, s.ofJob(job, func(d *draft, r *row) {
		if ended = r.job.Status != actions.Completed; ended {
			notes := d.outputs(r.job, res)
			r.steps, r.reported = res.Steps, true
			d.end(r, res.Conclusion, notes...)
		}
	}))
	if err != nil || !ended {
		return wrap("complete", err)
	}
	s.log.InfoContext(ctx, "job completed", "job", job.ID, "run", job.RunID, "runner", job.RunnerID, "conclusion", res.Conclusion)
	return nil
}

// ofJob is a change of a job that the caller has just read. If it has changed
// since, it is read again.
func (s *Scheduler) ofJob(job *actions.Job, make func(d *draft, r *row)) change {
	fresh := true
	return func(ctx context.Context, d *draft) error {
		if !fresh {
			var err error
			if job, err = s.store.Job(ctx, job.ID); err != nil {
				return err
			}
		}
		fresh = false
		r, err := d.know(job)
		if err == nil {
			make(d, r)
		}
		return err
	}
}

// outputs gives the job its outputs, unless those of the run would be too large
// (RES-4), and returns the annotations of the job.
func (d *draft) outputs(job *actions.Job, res *Result) []*actions.Annotation {
	notes := slices.Clone(res.Annotations)
	if len(res.Outputs) > 0 && !job.SetOutputs(res.Outputs, d.state.outputs()) {
		notes = append(notes, note(actions.LevelFailure,
			"The outputs of this job were dropped: those of all jobs of a run together may have at most 50 MB, counted as UTF-16."))
	}
	return notes
}

// Fail ends a job that cannot go on, with a message that people find beside it.
// A job that was told to cancel ends as cancelled.
func (s *Scheduler) Fail(ctx context.Context, jobID int64, message string) error {
	job, err := s.store.Job(ctx, jobID)
	if err == nil && job.Status != actions.Completed {
		err = s.change(ctx, job.RunID, s.ofJob(job, func(d *draft, r *row) {
			d.end(r, lost(r.job), note(actions.LevelFailure, message))
		}))
	}
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

// wrap says what failed, if something did.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
