package scheduler

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	// Every check reads the jobs that could be over their time, through small
	// indexes of the jobs in progress and of those that wait.
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
	jobs, err := s.store.OverdueJobs(ctx, now)
	if err != nil {
		return err
	}
	var errs []error
	for _, j := range jobs {
		if s.verdict(j, started, now) != nil {
			errs = append(errs, s.enforce(ctx, j.ID, started, now))
		}
	}
	old, err := s.store.QueuedBefore(ctx, now.Add(-queueLimit))
	errs = append(errs, err)
	for _, j := range old {
		errs = append(errs, s.expire(ctx, j.ID))
	}
	return errors.Join(errs...)
}

// A verdict is what becomes of a job that is over its time.
type verdict struct {
	message string
	end     bool // at once; else its runner is told to cancel
}

// verdict judges a job in progress, nil for one that may go on.
func (s *Scheduler) verdict(j *actions.Job, started, now time.Time) *verdict {
	lapse := j.LockedUntil
	if first := started.Add(s.lease); lapse.Before(first) {
		lapse = first // renewals may have failed while the server was away
	}
	switch {
	case now.After(lapse):
		return &verdict{fmt.Sprintf("The self-hosted runner: %s lost communication with the server. Verify the machine is running and has a healthy network connection. "+
			"Anything in your workflow that terminates the runner process, starves it for CPU/Memory, or blocks its network access can cause this error.", j.RunnerName), true}
	case !j.CancelAt.IsZero() && now.After(j.CancelAt.Add(j.CancelTimeout+cancelGrace)):
		return &verdict{fmt.Sprintf("The runner %s did not stop the job in the %s minutes it has for that.", j.RunnerName, minutes(j.CancelTimeout)), true}
	case j.CancelAt.IsZero() && now.After(j.StartedAt.Add(j.Timeout)): // as a user would cancel it (RUN-9)
		return &verdict{fmt.Sprintf("The job running on runner %s has exceeded the maximum execution time of %s minutes.", j.RunnerName, minutes(j.Timeout)), false}
	}
	return nil
}

// enforce judges the job again, as it is now: it may have been renewed while
// others were ended.
func (s *Scheduler) enforce(ctx context.Context, jobID int64, started, now time.Time) error {
	var v *verdict
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		v = nil
		j, err := tx.Job(ctx, jobID)
		if err != nil || j.Status != actions.InProgress {
			return err
		}
		if v = s.verdict(j, started, now); v == nil {
			return nil
		}
		remark := note(j.ID, actions.LevelFailure, v.message)
		if v.end {
			return s.end(ctx, tx, j, lost(j), remark)
		}
		if err := tx.CreateAnnotation(ctx, remark); err != nil {
			return err
		}
		return s.stop(ctx, tx, j, false)
	})
	if err != nil {
		return fmt.Errorf("job %d: %w", jobID, err)
	}
	if v != nil {
		s.log.WarnContext(ctx, "job over its time", "job", jobID, "reason", v.message)
	}
	return nil
}

// expire ends a job that has waited for a runner too long.
func (s *Scheduler) expire(ctx context.Context, jobID int64) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		j, err := tx.Job(ctx, jobID)
		if err != nil || j.Status != actions.Queued || j.Held {
			return err
		}
		wanted := fmt.Sprintf("the labels %v", j.Labels)
		if j.Group != "" {
			wanted += fmt.Sprintf(" in the group %q", j.Group)
		}
		return s.end(ctx, tx, j, actions.Cancelled, note(j.ID, actions.LevelFailure, "No runner with "+wanted+" took the job within 24 hours."))
	})
	return wrap(fmt.Sprintf("job %d", jobID), err)
}

// minutes writes a duration as messages about time limits do.
func minutes(d time.Duration) string { return strconv.FormatFloat(d.Minutes(), 'f', -1, 64) }
