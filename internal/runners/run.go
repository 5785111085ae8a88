package runners

import (
	"context"
	"maps"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Run hears what other servers learn of runners that wait here, until ctx ends.
func (s *Runners) Run(ctx context.Context) error {
	heard := s.store.Subscribe(store.RunnerTopic(0))
	defer heard.Close()
	s.compareAll(ctx, s.here()) // of what came before, nothing was heard
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-heard.C():
		}
		topics, all := heard.Take()
		ids := make([]int64, len(topics))
		for i, t := range topics {
			ids[i] = t.ID
		}
		if all {
			ids = s.here()
		}
		s.compareAll(ctx, ids)
	}
}

func (s *Runners) compareAll(ctx context.Context, ids []int64) {
	for _, id := range ids {
		if err := s.compare(ctx, id); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "session not read", "runner", id, "err", err) // comes again
		}
	}
}

// here lists the runners that have a poll or a timer at this server.
func (s *Runners) here() []int64 {
	ids := make(map[int64]bool)
	s.polls.mu.Lock()
	for id := range s.polls.held {
		ids[id] = true
	}
	s.polls.mu.Unlock()
	s.idle.mu.Lock()
	for id := range s.idle.timers {
		ids[id] = true
	}
	s.idle.mu.Unlock()
	return slices.Collect(maps.Keys(ids))
}

// compare ends the poll of a runner if the poll's session has ended, and the
// timer of the runner if it is busy again.
func (s *Runners) compare(ctx context.Context, id int64) error {
	waiting, timed := s.polls.session(id), s.idle.has(id)
	if waiting == "" && !timed {
		return nil
	}
	session, err := s.store.RunnerSession(ctx, id)
	over := actions.KindOf(err) == actions.NotFound
	if err != nil && !over {
		return err
	}
	if waiting != "" && (over || session.ID != waiting) && s.polls.session(id) == waiting {
		s.release(id)
	}
	if timed && !over && session.IdleSince.IsZero() {
		s.idle.end(id)
	}
	return nil
}
