package runners

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/recent"
)

// A runner asks for something, waits for the answer, and asks again. One that asks
// in a tight loop, since it does not understand the answers, is made to wait. A
// refusal would only make it ask again.
const (
	perSecond = 1  // calls of a runner that gets no job
	savedUp   = 60 // of them that may come at once
)

// A pace is how often runners come. It is safe for concurrent use.
type pace struct {
	log   *slog.Logger
	now   func() time.Time
	known *recent.Cache[int64, *paced]
}

type paced struct {
	bucket *rate.Limiter
	waits  saying // that a call waits
}

func newPace(log *slog.Logger, now func() time.Time) *pace {
	return &pace{log, now, recent.New[int64, *paced](maxKnown, maxKnown)}
}

// wait delays a call of a runner that comes too often, by most at the longest. False
// means that this is not long enough, or that ctx has ended.
func (p *pace) wait(ctx context.Context, r *actions.Runner, most time.Duration) bool {
	k, ok := p.known.Get(r.ID)
	if !ok {
		k = &paced{bucket: rate.NewLimiter(perSecond, savedUp)}
		p.known.Put(r.ID, k, 1)
	}
	now := p.now()
	turn := k.bucket.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if delay <= 0 {
		return true
	}
	p.tell(ctx, r, k)
	inTime := delay <= most
	if !inTime {
		turn.CancelAt(now)
		delay = most
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return inTime
	case <-ctx.Done():
		return false
	}
}

// tell says in the log, once a minute, that calls of a runner wait.
func (p *pace) tell(ctx context.Context, r *actions.Runner, k *paced) {
	if calls, tell := k.waits.again(p.now()); tell {
		p.log.WarnContext(ctx, "runner calls in a tight loop and gets no job; its calls wait", "runner", r.ID, "name", r.Name, "calls", calls)
	}
}

// forget lets a runner begin anew.
func (p *pace) forget(runnerID int64) { p.known.Remove(runnerID) }

var errTooOften = actions.Errorf(actions.Unavailable, "the runner calls too often")
