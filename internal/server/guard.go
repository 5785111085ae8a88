package server

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// guard ends the bundled runners as soon as others can have code run here, also
// when another process has made an account.
func (b *bundledRunners) guard(ctx context.Context) {
	changed := b.s.store.Subscribe(store.AccessTopic())
	defer changed.Close()
	for {
		why, err := b.check(ctx)
		if why != "" {
			break
		}
		if err != nil && ctx.Err() == nil {
			b.s.log.ErrorContext(ctx, "accounts not counted", "err", err)
		}
		select {
		case <-changed.C():
		case <-ctx.Done():
			return
		}
	}
	for _, p := range b.places {
		b.wg.Go(func() { b.retire(ctx, p) })
	}
}

// check says why the bundled runners take no more jobs, "" if they do. When it
// returns a reason they take none from then on, since what has changed does not
// change back.
func (b *bundledRunners) check(ctx context.Context) (why string, err error) {
	if !b.guarded || b.count == 0 {
		return "", nil
	}
	who, err := b.s.others(ctx)
	if err != nil || who == "" {
		return "", err
	}
	why = b.explain(who)
	b.mu.Lock()
	first := !b.closed
	b.closed = true
	b.mu.Unlock()
	b.stopKeeping()
	if first {
		b.s.log.WarnContext(ctx, "bundled runners take no more jobs", "reason", why)
	}
	for _, p := range b.places {
		b.withhold(ctx, p)
	}
	return why, nil
}

// withhold sees to it that a runner gets no further job.
func (b *bundledRunners) withhold(ctx context.Context, p place) {
	if r := b.registered(ctx, p); r != nil {
		b.s.queue.Retire(r.ID)
	}
}

// registered is the runner of a place, nil if there is none.
func (b *bundledRunners) registered(ctx context.Context, p place) *actions.Runner {
	r, err := b.find(ctx, p.name)
	if err != nil {
		b.s.log.ErrorContext(ctx, "bundled runner not found", "runner", p.name, "err", err)
	}
	return r
}

// retire ends a runner once it has no job.
func (b *bundledRunners) retire(ctx context.Context, p place) {
	r := b.registered(ctx, p)
	for r != nil && ctx.Err() == nil {
		held, err := b.s.store.RunnerJob(ctx, r.ID)
		if actions.KindOf(err) == actions.NotFound {
			break
		}
		if err != nil {
			pause(ctx, firstPause)
			continue
		}
		b.awaitEnd(ctx, held)
	}
	if ctx.Err() != nil {
		return // the server ends, and its runners with it
	}
	b.mu.Lock()
	pids := b.processes(p)
	b.mu.Unlock()
	for _, pid := range pids {
		b.end(ctx, pid)
	}
}

// awaitEnd waits until a job may have ended.
func (b *bundledRunners) awaitEnd(ctx context.Context, j *actions.Job) {
	changed := b.s.store.Subscribe(store.JobTopic(j.ID))
	defer changed.Close()
	now, err := b.s.store.Job(ctx, j.ID)
	if err != nil || now.Status != actions.InProgress {
		return
	}
	select {
	case <-changed.C():
	case <-ctx.Done():
	}
}

// notice is what an operator should know of the bundled runners once there is a new
// account, "" for nothing.
func (s *Server) notice(ctx context.Context) string {
	b := s.bundled.Load()
	if b == nil || b.count == 0 {
		return ""
	}
	why, err := b.check(ctx)
	if err != nil {
		s.log.ErrorContext(ctx, "accounts not counted", "err", err)
	}
	return why
}
