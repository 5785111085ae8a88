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

	// Rules of environments are applied when they change; this finds what that missed.
	rulesCheck = 30 * time.Second

	// A runner that was told to cancel has its own limit (CAN-4); this much
	// later the server ends the job itself (runner END-1).
	cancelGrace = 2 * time.Minute

	// A job that no runner takes in a day is cancelled (RUN-9).
	queueLimit = 24 * time.Hour

	// A run that is not planned by then has lost the server that made it.
	planLimit = 10 * time.Second
)

// Run watches the jobs in progress until ctx ends: leases, time limits, ignored
// cancellations, accounts that are suspended, and rules of environments.
func (s *Scheduler) Run(ctx context.Context) error {
	pause := min(max(s.lease/4, shortestCheck), longestCheck)
	heard := s.wall() // since when runners could renew without a break
	last := heard
	tick := time.NewTicker(pause)
	defer tick.Stop()
	rules := time.NewTicker(rulesCheck)
	defer rules.Stop()
	access := s.store.Subscribe(store.AccessTopic())
	defer access.Close()
	s.enforceSuspensions(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-access.C():
			access.Take()
			s.enforceSuspensions(ctx)
			continue
		case <-rules.C:
			s.applyRules(ctx, 0)
			continue
		case <-tick.C:
		}
		now := s.wall()
		if now.Sub(last) > 2*pause {
			heard = now
			s.log.WarnContext(ctx, "this server stood still; every lease gets a full period", "for", now.Sub(last))
		}
		last = now
		if err := s.check(ctx, heard, now); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "jobs not checked", "err", err)
		}
	}
}

// wall is the time without the reading of a clock that stops while the machine
// sleeps.
func (s *Scheduler) wall() time.Time { return s.now().Round(0) }

// check looks once at every job that could be over its time, at runs that were
// never planned, and at those of suspended accounts. What fails for one does not keep the others. Since heard
// runners could renew.
func (s *Scheduler) check(ctx context.Context, heard, now time.Time) error {
	jobs, err := s.store.OverdueJobs(ctx, now)
	if err != nil {
		return err
	}
	var errs []error
	for _, j := range jobs {
		if s.verdict(j, heard, now) != nil {
			errs = append(errs, s.enforce(ctx, j, heard, now))
		}
	}
	old, err := s.store.QueuedBefore(ctx, now.Add(-queueLimit))
	errs = append(errs, err)
	for _, j := range old {
		errs = append(errs, s.expire(ctx, j))
	}
	requested, err := s.store.RequestedRuns(ctx, now.Add(-planLimit))
	errs = append(errs, err)
	for _, id := range requested {
		s.planNow(ctx, id)
	}
	errs = append(errs, s.endSuspended(ctx))
	return errors.Join(errs...)
}

// A verdict is what becomes of a job that is over its time.
type verdict struct {
	message string
	end     bool // at once; else its runner is told to cancel
}

// verdict judges a job in progress, nil for one that may go on.
func (s *Scheduler) verdict(j *actions.Job, heard, now time.Time) *verdict {
	if outage := s.store.LastOutage(); outage.After(heard) {
		heard = outage
	}
	lapse := j.LockedUntil
	if first := heard.Add(s.lease); lapse.Before(first) {
		lapse = first
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

// enforce carries a verdict out. When the runner renews its job meanwhile, the
// job is judged again, as it is then.
func (s *Scheduler) enforce(ctx context.Context, j *actions.Job, heard, now time.Time) error {
	var v *verdict
	err := s.change(ctx, j.RunID, s.ofJob(j, func(d *draft, r *row) {
		v = nil
		if r.job.Status != actions.InProgress {
			return
		}
		if v = s.verdict(r.job, heard, now); v == nil {
			return
		}
		remark := note(actions.LevelFailure, v.message)
		if v.end {
			r.lease = r.job.LockedUntil
			d.end(r, lost(r.job), remark)
			return
		}
		d.stop(r, false, remark)
	}))
	if err != nil {
		return fmt.Errorf("job %d: %w", j.ID, err)
	}
	if v != nil {
		s.log.WarnContext(ctx, "job over its time", "job", j.ID, "reason", v.message)
	}
	return nil
}

// expire ends a job that has waited for a runner too long.
func (s *Scheduler) expire(ctx context.Context, j *actions.Job) error {
	wanted := fmt.Sprintf("the labels %v", j.Labels)
	if j.Group != "" {
		wanted += fmt.Sprintf(" in the group %q", j.Group)
	}
	err := s.change(ctx, j.RunID, s.ofJob(j, func(d *draft, r *row) {
		if r.job.Ready() {
			d.end(r, actions.Cancelled, note(actions.LevelFailure, "No runner with "+wanted+" took the job within 24 hours."))
		}
	}))
	return wrap(fmt.Sprintf("job %d", j.ID), err)
}

// minutes writes a duration as messages about time limits do.
func minutes(d time.Duration) string { return strconv.FormatFloat(d.Minutes(), 'f', -1, 64) }
