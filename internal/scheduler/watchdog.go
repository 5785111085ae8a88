package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	// Every check reads the jobs in progress through a small index.
	longestCheck  = 5 * time.Second
	shortestCheck = 50 * time.Millisecond

	// A runner that was told to cancel has its own limit (CAN-4); this much
	// later the server ends the job itself (runner protocol §9.1).
	cancelGrace = 2 * time.Minute

	// A job that no runner takes in a day is cancelled (RUN-9).
	queueLimit = 24 * time.Hour
)

// Run watches the jobs in progress until ctx ends: leases, time limits, ignored
// cancellations.
func (s *Scheduler) Run(ctx context.Context) error {
	started := s.now()
	tick := time.NewTicker(min(max(s.lease/4, shortestCheck), longestCheck))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.check(ctx, started); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "jobs not checked", "err", err)
		}
	}
}

// check looks once at every job that could be over its time. One that fails to
// be ended does not keep the others.
func (s *Scheduler) check(ctx context.Context, started time.Time) error {
	now := s.now()
	jobs, err := s.store.RunningJobs(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, j := range jobs {
		errs = append(errs, s.checkJob(ctx, j, started, now))
	}
	old, err := s.store.QueuedBefore(ctx, now.Add(-queueLimit))
	errs = append(errs, err)
	for _, j := range old {
		errs = append(errs, s.expire(ctx, j))
	}
	return errors.Join(errs...)
}

func (s *Scheduler) checkJob(ctx context.Context, j *actions.Job, started, now time.Time) error {
	lapse := j.LockedUntil
	if first := started.Add(s.lease); lapse.Before(first) {
		lapse = first // renewals may have failed while the server was away
	}
	switch {
	case now.After(lapse):
		return s.Fail(ctx, j.ID, fmt.Sprintf("The self-hosted runner: %s lost communication with the server. Verify the machine is running and has a healthy network connection. "+
			"Anything in your workflow that terminates the runner process, starves it for CPU/Memory, or blocks its network access can cause this error.", j.RunnerName))
	case !j.CancelAt.IsZero() && now.After(j.CancelAt.Add(j.CancelTimeout+cancelGrace)):
		return s.Fail(ctx, j.ID, fmt.Sprintf("The runner %s did not stop the job in the %s minutes it has for that.", j.RunnerName, minutes(j.CancelTimeout)))
	case j.CancelAt.IsZero() && now.After(j.StartedAt.Add(j.Timeout)):
		return s.timeout(ctx, j.ID)
	}
	return nil
}

// timeout cancels a job that has run too long, as a user would (RUN-9).
func (s *Scheduler) timeout(ctx context.Context, jobID int64) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		j, err := tx.Job(ctx, jobID)
		if err != nil || j.Status != actions.InProgress || !j.CancelAt.IsZero() {
			return err
		}
		message := fmt.Sprintf("The job running on runner %s has exceeded the maximum execution time of %s minutes.", j.RunnerName, minutes(j.Timeout))
		if err := tx.CreateAnnotation(ctx, note(j, actions.LevelFailure, message)); err != nil {
			return err
		}
		return s.stop(ctx, tx, j, false)
	})
}

// expire ends a job that has waited for a runner too long.
func (s *Scheduler) expire(ctx context.Context, j *actions.Job) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		j, err := tx.Job(ctx, j.ID)
		if err != nil || j.Status != actions.Queued {
			return err
		}
		return s.end(ctx, tx, j, actions.Cancelled, note(j, actions.LevelFailure,
			fmt.Sprintf("No runner with the labels %v took the job within %s.", j.Labels, "24 hours")))
	})
}
