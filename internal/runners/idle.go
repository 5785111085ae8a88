package runners

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// An idleness has a timer for each runner that says it is idle while it holds a
// job. A timer removes itself when it ends, so there are never many.
type idleness struct {
	mu     sync.Mutex
	timers map[int64]*time.Timer // by runner
}

func newIdleness() *idleness { return &idleness{timers: make(map[int64]*time.Timer)} }

// begin calls late after d, unless the runner says before that it is busy. While
// a runner has a timer, it gets no second one.
func (i *idleness) begin(runnerID int64, d time.Duration, late func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.timers[runnerID] != nil {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		i.mu.Lock()
		due := i.timers[runnerID] == t
		if due {
			delete(i.timers, runnerID)
		}
		i.mu.Unlock()
		if due {
			late()
		}
	})
	i.timers[runnerID] = t
}

// end stops the timer of a runner that is busy again.
func (i *idleness) end(runnerID int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if t := i.timers[runnerID]; t != nil {
		t.Stop()
		delete(i.timers, runnerID)
	}
}

// has says whether the runner has a timer.
func (i *idleness) has(runnerID int64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.timers[runnerID] != nil
}

// expectCompletion watches a runner that says it is idle while it holds a job.
// A runner that works on a job says Busy in every poll, so for the runner this job
// is over; if its completion does not come soon, it will not come (END-3). The
// session records since when, because the next poll may come to another server.
func (s *Runners) expectCompletion(ctx context.Context, r *actions.Runner, session *actions.Session) error {
	job, err := s.store.RunnerJob(ctx, r.ID)
	if actions.KindOf(err) == actions.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	since := session.IdleSince
	if since.IsZero() {
		since = s.now().UTC().Truncate(time.Microsecond)
		if err := s.setIdle(ctx, r.ID, since); err != nil {
			return err
		}
	}
	s.watch(context.WithoutCancel(ctx), r, job, since) // the poll may end before the wait
	return nil
}

// expectNothing ends what [Runners.expectCompletion] began, here and elsewhere.
func (s *Runners) expectNothing(ctx context.Context, session *actions.Session) error {
	s.idle.end(session.RunnerID)
	if session.IdleSince.IsZero() {
		return nil
	}
	return s.setIdle(ctx, session.RunnerID, time.Time{})
}

func (s *Runners) setIdle(ctx context.Context, runnerID int64, since time.Time) error {
	return s.store.UpdateRelaxed(ctx, func(tx *store.Tx) error { return tx.SetIdle(ctx, runnerID, since) })
}

// watch fails the job when its completion is overdue.
func (s *Runners) watch(ctx context.Context, r *actions.Runner, job *actions.Job, since time.Time) {
	s.idle.begin(r.ID, s.completionTime, func() { s.failUnreported(ctx, r, job, since) })
}

// failLimit bounds a write that nobody waits for.
const failLimit = time.Minute

// failUnreported fails the job if the runner still holds it, and has been idle
// since then. Another server may know better than the timer.
func (s *Runners) failUnreported(ctx context.Context, r *actions.Runner, job *actions.Job, since time.Time) {
	ctx, cancel := context.WithTimeout(ctx, failLimit)
	defer cancel()
	session, err := s.store.RunnerSession(ctx, r.ID)
	switch {
	case actions.KindOf(err) == actions.NotFound: // it has left
	case err == nil && session.IdleSince.IsZero():
		return
	case err == nil && !session.IdleSince.Equal(since): // it was busy meanwhile
		s.watch(context.WithoutCancel(ctx), r, job, session.IdleSince)
		return
	case err != nil:
		s.log.ErrorContext(ctx, "job not failed", "job", job.ID, "err", err)
		return
	}
	held, err := s.store.RunnerJob(ctx, r.ID)
	if actions.KindOf(err) == actions.NotFound || err == nil && held.ID != job.ID {
		return
	}
	if err == nil {
		err = s.scheduler.Fail(ctx, job.ID, unreported(r, held, since))
	}
	if err != nil { // the next poll tries again
		s.log.ErrorContext(ctx, "job not failed", "job", job.ID, "err", err)
	}
}

// unreported says what became of a job whose runner has been idle since then. A runner
// kills a job that was cancelled and does not stop in time, and reports nothing.
func unreported(r *actions.Runner, j *actions.Job, since time.Time) string {
	if !j.CancelAt.IsZero() && !since.Before(j.CancelAt.Add(wire.KillAfter(j.CancelTimeout))) {
		return fmt.Sprintf("The job did not stop within the %g minutes that it had after it was cancelled, so the runner %s killed it.",
			j.CancelTimeout.Minutes(), r.Name)
	}
	return "The runner " + r.Name + " is idle again and has not reported how the job ended."
}
