package db

import (
	"context"
	"sync"
	"time"
)

// Chatter, such as when a token was used last, is collected in memory and
// written together. A key that comes again replaces what waits for it.
const (
	soonDelay = time.Second // from the first entry to the write
	maxSoon   = 10_000      // entries that may wait; more are dropped
	soonChunk = 256         // entries in one transaction
)

// soon is what waits to be written.
type soon struct {
	db *DB

	mu      sync.Mutex
	waiting map[string]func(context.Context, *Tx) error
	timer   *time.Timer // runs while something waits
	closed  bool

	flushing sync.Mutex // one flush at a time
}

// Soon writes something that may be lost, about a second from now, without
// making the caller wait. A later entry with the same key replaces an earlier one
// that was not written yet. fn runs as in [DB.UpdateRelaxed], together with
// others; its error is only logged.
func (d *DB) Soon(key string, fn func(ctx context.Context, tx *Tx) error) {
	d.soon.add(key, fn)
}

func (s *soon) add(key string, fn func(context.Context, *Tx) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if _, ok := s.waiting[key]; !ok && len(s.waiting) >= maxSoon {
		return
	}
	if s.waiting == nil {
		s.waiting = make(map[string]func(context.Context, *Tx) error)
		s.timer = time.AfterFunc(soonDelay, s.flush)
	}
	s.waiting[key] = fn
}

// flush writes all that waits.
func (s *soon) flush() {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	waiting := s.waiting
	s.waiting = nil
	s.mu.Unlock()

	chunk := make([]func(context.Context, *Tx) error, 0, min(len(waiting), soonChunk))
	for _, fn := range waiting {
		if chunk = append(chunk, fn); len(chunk) == soonChunk {
			s.write(chunk)
			chunk = chunk[:0]
		}
	}
	s.write(chunk)
}

// write writes entries in one transaction. When one of them fails, each gets a
// transaction of its own, so that the others are kept.
func (s *soon) write(fns []func(context.Context, *Tx) error) {
	if len(fns) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // no caller waits
	defer cancel()
	err := s.db.UpdateRelaxed(ctx, func(tx *Tx) error {
		for _, fn := range fns {
			if err := fn(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err == nil:
	case len(fns) == 1:
		s.db.log.WarnContext(ctx, "chatter lost", "err", err)
	default:
		for i := range fns {
			s.write(fns[i : i+1])
		}
	}
}

// close writes what waits, and takes no more.
func (s *soon) close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.flush()
}
