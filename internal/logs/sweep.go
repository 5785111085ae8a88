package logs

import (
	"context"
	"time"
)

const sweepEvery = time.Minute

// Run removes what is no longer needed, until ctx ends.
func (l *Logs) Run(ctx context.Context) error {
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

// Sweep removes the live lines of jobs that are over. Blobs that no part of a log
// needs any more are removed with all other dead blobs, by package object.
func (l *Logs) Sweep(ctx context.Context) error { return l.sweepLive(ctx) }
