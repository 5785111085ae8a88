package runners

import (
	"context"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Polls is how many runners wait for a message.
func (s *Runners) Polls() int {
	s.polls.mu.Lock()
	defer s.polls.mu.Unlock()
	return len(s.polls.held)
}

// Overdue is for how many runners a completion is waited.
func (s *Runners) Overdue() int {
	s.idle.mu.Lock()
	defer s.idle.mu.Unlock()
	return len(s.idle.timers)
}

// A Pace is how often runners come.
type Pace struct{ *pace }

// NewPace makes one.
func NewPace(log *slog.Logger, now func() time.Time) Pace { return Pace{newPace(log, now)} }

// Wait delays a call.
func (p Pace) Wait(ctx context.Context, r *actions.Runner, most time.Duration) bool {
	return p.wait(ctx, r, most)
}

// Forget lets a runner begin anew.
func (p Pace) Forget(id int64) { p.forget(id) }

// Slowed says whether calls of a runner had to wait.
func (s *Runners) Slowed(id int64) bool {
	k, ok := s.pace.known.Get(id)
	if !ok {
		return false
	}
	k.waits.mu.Lock()
	defer k.waits.mu.Unlock()
	return !k.waits.at.IsZero()
}
