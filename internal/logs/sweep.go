package logs

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/actions"
)

const sweepEvery = time.Minute

// Run removes what is no longer needed, and shares live lines with other servers, until
// ctx ends.
func (l *Logs) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.sweepAll(ctx) })
	g.Go(func() error { return l.expireAll(ctx) })
	g.Go(func() error { return l.tellOthers(ctx) })
	g.Go(func() error { return l.hearOthers(ctx) })
	g.Go(func() error { return l.keepLines(ctx) })
	return g.Wait()
}

func (l *Logs) sweepAll(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := l.Sweep(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "logs not swept", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep forgets the live lines of jobs that ended and whose runner did not say so, and
// keeps those of steps whose log is overdue. Blobs that no part of a log needs any more
// are removed with all other dead blobs, by package object.
func (l *Logs) Sweep(ctx context.Context) error {
	for _, id := range l.hub.ids() {
		job, err := l.store.Job(ctx, id)
		switch {
		case actions.KindOf(err) == actions.NotFound:
			l.End(id)
			continue
		case err != nil:
			return err
		case job.Status == actions.Completed:
			l.Conclude(ctx, job)
			continue
		}
		if err := l.settle(ctx, job, l.due(job)); err != nil {
			l.log.WarnContext(ctx, "live lines not kept", "job", id, "err", err)
		}
	}
	return nil
}
