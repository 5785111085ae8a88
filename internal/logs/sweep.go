package logs

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/store"
)

const (
	sweepEvery = time.Minute
	sweepBatch = 500
	staleBlob  = 24 * time.Hour // no upload takes so long
)

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

// Sweep deletes the bytes of blobs that no row needs any more, what uploads
// that never ended have left, and the live lines of jobs that are over.
func (l *Logs) Sweep(ctx context.Context) error {
	for {
		keys, err := l.store.DeadBlobs(ctx, sweepBatch)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := l.blobs.Delete(ctx, key); err != nil {
				return err
			}
		}
		if err := l.forget(ctx, keys); err != nil {
			return err
		}
		if len(keys) < sweepBatch {
			break
		}
	}
	if err := l.sweepLive(ctx); err != nil {
		return err
	}
	return l.blobs.Sweep(ctx, l.now().Add(-staleBlob))
}

// forget removes the keys of blobs that are gone. It may be undone by power
// loss: then they are deleted twice.
func (l *Logs) forget(ctx context.Context, keys []string) error {
	return l.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		for _, key := range keys {
			if err := tx.ForgetBlob(ctx, key); err != nil {
				return err
			}
		}
		return nil
	})
}
