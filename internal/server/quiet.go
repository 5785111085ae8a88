package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// quietTime is how long a warning that something is unavailable is not repeated.
const quietTime = time.Minute

// A quiet is a handler of logs for times in which the database or a disk does not
// work: then everything fails, again and again. Of warnings and errors whose "err" is
// of the kind Unavailable it passes on the first of each message, and then one a
// minute, which says how many there were.
type quiet struct {
	slog.Handler
	said *said
}

// said is when each message was passed on. Messages are literals, so they are few.
type said struct {
	now func() time.Time

	mu   sync.Mutex
	last map[string]*saying
}

type saying struct {
	at      time.Time
	dropped int
}

func newQuiet(h slog.Handler, now func() time.Time) *quiet {
	return &quiet{h, &said{now: now, last: make(map[string]*saying)}}
}

func (q *quiet) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || !unavailable(r) {
		return q.Handler.Handle(ctx, r)
	}
	dropped, pass := q.said.pass(r.Message)
	if !pass {
		return nil
	}
	if dropped > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("repeated", dropped))
	}
	return q.Handler.Handle(ctx, r)
}

func (q *quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &quiet{q.Handler.WithAttrs(attrs), q.said}
}

func (q *quiet) WithGroup(name string) slog.Handler {
	return &quiet{q.Handler.WithGroup(name), q.said}
}

func unavailable(r slog.Record) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		found = ok && a.Key == "err" && actions.KindOf(err) == actions.Unavailable
		return !found
	})
	return found
}

// pass says whether a message is to be passed on, and how many were not since the
// last that was.
func (s *said) pass(message string) (dropped int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	one := s.last[message]
	if one == nil {
		one = &saying{}
		s.last[message] = one
	} else if age := now.Sub(one.at); age >= 0 && age < quietTime {
		one.dropped++
		return 0, false
	}
	dropped, one.dropped, one.at = one.dropped, 0, now
	return dropped, true
}
