package runners

import (
	"context"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// An idleness holds a timer for each runner that says it is idle while it holds
// a job. A timer takes itself out when it ends, so there are never many.
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

// expectCompletion watches a runner that says it is idle while it holds a job.
// A listener says Busy before its next poll, so the job is over on that side; if
// its completion does not come in a moment, it will not come (END-3).
func (s *Runners) expectCompletion(ctx context.Context, r *actions.Runner) error {
	job, err := s.store.RunnerJob(ctx, r.ID)
	if actions.KindOf(err) == actions.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // the poll may end before the wait
	s.idle.begin(r.ID, s.completionTime, func() { s.failUnreported(ctx, r, job) })
	return nil
}

// failLimit bounds a write that nobody waits for.
const failLimit = time.Minute

// failUnreported fails the job if the runner still holds it.
func (s *Runners) failUnreported(ctx context.Context, r *actions.Runner, job *actions.Job) {
	ctx, cancel := context.WithTimeout(ctx, failLimit)
	defer cancel()
	held, err := s.store.RunnerJob(ctx, r.ID)
	if actions.KindOf(err) == actions.NotFound || err == nil && held.ID != job.ID {
		return
	}
	if err == nil {
		err = s.scheduler.Fail(ctx, job.ID, "The runner "+r.Name+" is idle again and has not reported how the job ended.")
	}
	if err != nil { // the next poll tries again
		s.log.ErrorContext(ctx, "job not failed", "job", job.ID, "err", err)
	}
}
