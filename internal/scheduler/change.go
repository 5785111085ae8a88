package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// changeTime is how long changes that others come before are tried again. The
// caller may be gone meanwhile.
const changeTime = time.Minute

// A change is something that happens to a run: a job ends, somebody cancels. The
// function makes it in a draft. It may read the store. It is called again if the
// run has moved meanwhile, and with an error it leaves the draft as it was.
type change func(ctx context.Context, d *draft) error

// change makes a change of a run, plans what follows from it, and returns when
// all of it is on disk. Changes of one run wait in a queue, and the first caller
// in it makes the changes of all who wait: one plan, one transaction.
func (s *Scheduler) change(ctx context.Context, runID int64, c change) error {
	t := &turn{change: c, lead: make(chan struct{}), done: make(chan struct{})}
	s.lines.enter(runID, t)
	select {
	case <-t.lead:
		s.lead(ctx, runID)
	case <-t.done:
	case <-ctx.Done():
		if s.lines.leave(runID, t) {
			return ctx.Err()
		}
		select { // it is too late to leave
		case <-t.lead:
			s.lead(ctx, runID)
		case <-t.done:
		}
	}
	return t.err
}

// lead makes the changes of those in line and lets the next one lead. What it
// does for others outlives its own request.
func (s *Scheduler) lead(ctx context.Context, runID int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTime)
	defer cancel()
	turns := s.lines.take(runID)
	defer func() { // after a panic, too
		for _, t := range turns {
			close(t.done)
		}
		s.lines.next(runID)
	}()
	for _, t := range turns {
		t.err = errUnfinished
	}
	err := s.together(ctx, runID, turns)
	if err == nil {
		return
	}
	for i, t := range turns {
		if len(turns) > 1 { // one that cannot be written does not take the others with it
			err = s.together(ctx, runID, turns[i:i+1])
		}
		if err != nil {
			t.err = err
		}
	}
}

var errUnfinished = errors.New("a change of the run broke off")

// together makes some changes of a run, or none of them. A change that is
// refused has its own error, and is no reason to refuse the others.
func (s *Scheduler) together(ctx context.Context, runID int64, turns []*turn) error {
	pause := backoff.NewExponentialBackOff() // of random length, so that servers get out of step
	pause.InitialInterval, pause.MaxInterval = time.Millisecond, 250*time.Millisecond
	for {
		st, remembered, err := s.state(ctx, runID)
		if err != nil {
			return err
		}
		if err := s.try(ctx, s.draft(st), remembered, turns); !errors.Is(err, errMoved) {
			return err
		}
		s.states.Remove(runID)
		if remembered {
			continue // the remembered state was out of date: no need to wait
		}
		select {
		case <-ctx.Done():
			return actions.Errorf(actions.Unavailable, "run %d is being changed by others", runID)
		case <-time.After(pause.NextBackOff()):
		}
	}
}

// try makes the changes in a draft, plans, and writes the result. A change that is
// refused by a state from memory is tried again with one read from the store.
func (s *Scheduler) try(ctx context.Context, d *draft, remembered bool, turns []*turn) error {
	made := 0
	for _, t := range turns {
		t.err = t.change(ctx, d)
		switch {
		case t.err == nil:
			made++
		case remembered || errors.Is(t.err, errMoved):
			return errMoved
		}
	}
	if made == 0 {
		return nil
	}
	if err := d.advance(ctx); err != nil || d.empty() {
		return err
	}
	return s.store.UpdateRows(ctx, func(tx *store.Tx) error { return d.write(ctx, tx) })
}
