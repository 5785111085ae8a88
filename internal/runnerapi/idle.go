package runnerapi

import (
	"context"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// An idleness remembers what each runner said of itself in its newest poll.
type idleness struct {
	mu       sync.Mutex
	online   map[int64]bool // by runner
	expected map[int64]bool // jobs whose completion is overdue
}

func newIdleness() *idleness {
	return &idleness{online: make(map[int64]bool), expected: make(map[int64]bool)}
}

// noted keeps what the runner says and returns it.
func (i *idleness) noted(runnerID int64, online bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.online[runnerID] = online
	return online
}

// expect says whether the caller is the first to expect the job's completion.
func (i *idleness) expect(jobID int64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	first := !i.expected[jobID]
	i.expected[jobID] = true
	return first
}

// settle ends the expectation and says whether the runner is still idle.
func (i *idleness) settle(jobID, runnerID int64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.expected, jobID)
	return i.online[runnerID]
}

// completionGrace is how far the completion of a job may be behind the poll
// that says that the runner is idle again.
const completionGrace = 10 * time.Second

// expectCompletion watches a runner that says it is idle while it holds a job.
// A listener says Busy before its next poll, so the job is over on that side; if
// its completion does not come in a moment, it will not come (§9.3).
func (a *API) expectCompletion(ctx context.Context, runner *actions.Runner) {
	job, err := a.Store.RunnerJob(ctx, runner.ID)
	if err != nil || !a.idle.expect(job.ID) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	time.AfterFunc(completionGrace, func() {
		if !a.idle.settle(job.ID, runner.ID) {
			return
		}
		held, err := a.Store.RunnerJob(ctx, runner.ID)
		if err != nil || held.ID != job.ID {
			return
		}
		message := "The runner " + runner.Name + " is idle again and has not reported how the job ended."
		if err := a.Scheduler.Fail(ctx, job.ID, message); err != nil {
			a.Log.ErrorContext(ctx, "job not failed", "job", job.ID, "err", err)
		}
	})
}
