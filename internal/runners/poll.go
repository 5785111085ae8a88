package runners

import (
	"context"
	"errors"
	"sync"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Poll is what a runner says when it asks for news.
type Poll struct {
	Session           string // the id of its session
	Busy              bool   // it works on a job; else it is idle
	OS, Arch, Version string // of itself
}

// Poll waits until there is something to tell the runner, and returns nil if
// nothing came in the time that a poll is held (SES-2). When ctx ends, or the
// session or the runner does, it returns nil at once. A poll that is not of the
// runner's session is a [SessionError].
func (s *Runners) Poll(ctx context.Context, r *actions.Runner, p Poll) (*queue.Message, error) {
	if !s.pace.wait(ctx, r, s.pollTime) {
		return nil, nil
	}
	session, err := s.useSession(ctx, r, p.Session)
	if err != nil {
		return nil, err
	}
	r, err = s.introduce(ctx, r, p)
	if err != nil {
		return nil, err
	}
	s.seen(r, p.Session, s.now())
	if p.Busy {
		err = s.expectNothing(ctx, session)
	} else {
		err = s.expectCompletion(ctx, r, session)
	}
	if err != nil {
		return nil, err
	}
	return s.wait(ctx, r, p)
}

// GotJob notes that a runner has acquired a job: it does not call for nothing.
func (s *Runners) GotJob(r *actions.Runner) { s.pace.forget(r.ID) }

// introduce writes at once what a runner says of itself, where that is new, and
// returns the runner as it is now.
func (s *Runners) introduce(ctx context.Context, r *actions.Runner, p Poll) (*actions.Runner, error) {
	said := *r
	said.OS, said.Arch, said.Version = bounded(p.OS, maxWord), bounded(p.Arch, maxWord), bounded(p.Version, maxWord)
	if said.OS == r.OS && said.Arch == r.Arch && said.Version == r.Version {
		return r, nil
	}
	return &said, s.store.UpdateRelaxed(ctx, func(tx *store.Tx) error { return tx.DescribeRunner(ctx, &said, s.now()) })
}

// wait holds the poll until there is news. A poll that was ended because its
// session ended or its runner was removed writes nothing. When the client of the
// runner's newest poll hangs up, another session may replace this one from then
// on: a runner that was killed may come back at once.
func (s *Runners) wait(ctx context.Context, r *actions.Runner, p Poll) (*queue.Message, error) {
	poll, cancel := context.WithTimeout(ctx, s.pollTime)
	defer cancel()
	poll, end := s.polls.begin(poll, r.ID, p.Session)
	m, err := s.queue.Message(poll, r, !p.Busy)
	released := errors.Is(poll.Err(), context.Canceled)
	newest := end()
	switch {
	case !released:
		s.seen(r, p.Session, s.now())
	case ctx.Err() != nil && newest:
		s.seen(r, p.Session, s.now().Add(-actions.SessionLife))
	}
	return m, err
}

// polls are the calls of [Runners.Poll] that wait. A runner has one: its newest.
type polls struct {
	mu   sync.Mutex
	held map[int64]*heldPoll // by runner
}

type heldPoll struct {
	session string
	end     context.CancelFunc
}

func newPolls() *polls { return &polls{held: make(map[int64]*heldPoll)} }

// begin makes the context of a runner's newest poll, and ends the one before. The
// caller ends it, and learns whether it still was the newest.
func (p *polls) begin(ctx context.Context, runnerID int64, session string) (_ context.Context, end func() bool) {
	ctx, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if before := p.held[runnerID]; before != nil {
		before.end()
	}
	mine := &heldPoll{session, cancel}
	p.held[runnerID] = mine
	return ctx, func() bool {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		newest := p.held[runnerID] == mine
		if newest {
			delete(p.held, runnerID)
		}
		return newest
	}
}

// end ends the poll of a runner: it will ask again, and learn why.
func (p *polls) end(runnerID int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.held[runnerID]; h != nil {
		h.end()
	}
}

// session is the one that the poll of a runner is of, "" without a poll.
func (p *polls) session(runnerID int64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.held[runnerID]; h != nil {
		return h.session
	}
	return ""
}
