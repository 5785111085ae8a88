package upstream

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A state is whether a host could be reached.
type state struct {
	mu    sync.Mutex
	at    time.Time     // when that was found out; zero for never
	err   error         // nil if it could be
	probe chan struct{} // closed when somebody who tries now knows; nil while nobody does
}

func (s *state) set(err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.err = now, err
}

// reach says why a host cannot be reached. It tries at most once a minute. Who has
// something that can stand in waits for the first try only, and not for long.
func (u *Upstream) reach(ctx context.Context, h *Host, standIn bool) error {
	s, now := u.states[h.URL], u.Now()
	s.mu.Lock()
	known, err := !s.at.IsZero(), s.err
	if known && now.Sub(s.at) < u.Limits.Away && !now.Before(s.at) {
		s.mu.Unlock()
		return err
	}
	if s.probe == nil && u.life.Err() == nil {
		s.probe = make(chan struct{})
		u.wg.Go(func() { u.try(h, s) })
	}
	probe := s.probe
	s.mu.Unlock()
	if standIn && known && err != nil || probe == nil {
		return err
	}
	patience := u.Limits.Connect + time.Second
	if standIn {
		patience = u.Limits.StandInProbe
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-probe:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.err
	case <-t.C:
		return fmt.Errorf("%w: nothing is heard of it for %s", ErrUnreachable, patience)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (u *Upstream) try(h *Host, s *state) {
	c, err := u.dial(h)
	if err == nil {
		err = c.Close()
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		u.Log.Warn("upstream cannot be reached", "host", h.URL, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.err = u.Now(), err
	close(s.probe)
	s.probe = nil
}
