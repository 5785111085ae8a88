package runnerapi

import (
	"context"
	"sync"
)

// polls are the requests that wait for a message. A runner has one: its newest.
// One whose runner is gone or has another session must not wait on, since a job
// could be offered to it.
type polls struct {
	mu   sync.Mutex
	ends map[int64]*context.CancelFunc // by runner
}

func newPolls() *polls { return &polls{ends: make(map[int64]*context.CancelFunc)} }

// begin makes the context of a runner's newest poll, and ends the one before. The
// caller ends it, and learns whether it still was the newest.
func (p *polls) begin(ctx context.Context, runnerID int64) (_ context.Context, end func() bool) {
	ctx, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if before := p.ends[runnerID]; before != nil {
		(*before)()
	}
	p.ends[runnerID] = &cancel
	return ctx, func() bool {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		newest := p.ends[runnerID] == &cancel
		if newest {
			delete(p.ends, runnerID)
		}
		return newest
	}
}

// end ends the poll of a runner: it will ask again, and learn why.
func (p *polls) end(runnerID int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if end := p.ends[runnerID]; end != nil {
		(*end)()
	}
}

// release ends what a runner waits for and what is reserved for it.
func (a *API) release(runnerID int64) {
	a.polls.end(runnerID)
	a.Queue.Release(runnerID)
}
