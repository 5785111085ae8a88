package db

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// defaultRecheck is what a lost notice costs at most.
const defaultRecheck = 30 * time.Second

// Listen hears what other servers and programs change, and tells others what this
// one does, until ctx ends. From time to time every subscriber is told that
// anything may have changed, since a notice can be lost.
func (d *DB) Listen(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.engine.hear(ctx, d.feed) })
	g.Go(func() error {
		tick := time.NewTicker(d.recheck)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				d.feed.anything()
			}
		}
	})
	return g.Wait()
}
