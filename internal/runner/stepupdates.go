package runner

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

const maxUpdates = 25 // records in one request

// stepUpdates reports steps that changed: the first at once, later ones
// together, each in its latest state, in the order in which they changed first.
type stepUpdates struct {
	sink *sink
	wake chan struct{} // size 1
	done chan struct{} // closed by close

	mu      sync.Mutex
	pending []wire.StepUpdate
	order   wire.Int
}

func newStepUpdates(s *sink) *stepUpdates {
	return &stepUpdates{sink: s, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

func (u *stepUpdates) add(s wire.StepUpdate) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range u.pending {
		if u.pending[i].ExternalID == s.ExternalID {
			u.pending[i] = s
			return
		}
	}
	u.pending = append(u.pending, s)
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// close makes run return when all is sent.
func (u *stepUpdates) close() { close(u.done) }

func (u *stepUpdates) run() {
	for {
		closing := false
		select {
		case <-u.wake:
		case <-u.done:
			closing = true
		}
		for u.flush() {
		}
		if closing {
			return
		}
		gap := time.NewTimer(u.sink.lease.job.r.timing.stepGap)
		select {
		case <-gap.C:
		case <-u.done:
		}
		gap.Stop()
	}
}

// flush sends one request, if there is something to say.
func (u *stepUpdates) flush() bool {
	u.mu.Lock()
	n := min(len(u.pending), maxUpdates)
	if n == 0 {
		u.mu.Unlock()
		return false
	}
	u.order++
	req := wire.StepsUpdateRequest{Steps: u.pending[:n:n], ChangeOrder: u.order, ResultsIDs: u.sink.lease.ids}
	u.pending = slices.Clone(u.pending[n:])
	u.mu.Unlock()
	err := u.sink.repeat("steps update", func(ctx context.Context) error {
		return u.sink.lease.post(ctx, u.sink.results, wire.StepsUpdatePath, req, nil)
	})
	if err != nil { // completejob has the end of every step
		u.sink.log.Warn("states of steps were not delivered", "err", err)
	}
	return true
}
