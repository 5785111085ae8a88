package object

import (
	"context"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/store"
)

const (
	reapEvery   = 5 * time.Minute       // for what the store knows to be dead
	searchEvery = 6 * time.Hour         // for blobs that no row has
	pause       = 10 * time.Millisecond // between batches: others want the database, too
	stale       = 24 * time.Hour        // no upload is silent for so long
	unsaved     = time.Hour             // no row comes so long after its blob
	slack       = time.Second           // of the clocks of blob stores
	settle      = time.Second           // for rows of blobs that seem to be older than they are
)

// Run hashes blocks of uploads ahead and removes what is no longer needed, until
// ctx ends. It begins with a search for what the last process has left.
func (o *Objects) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for range workers() {
		wg.Go(func() { o.work(ctx) })
	}
	if o.exclusive { // nobody else can be about to save a row
		o.logged(ctx, o.sweep(ctx, o.started.Add(-slack)))
	} else {
		o.logged(ctx, o.Sweep(ctx))
	}
	reap, search := time.NewTicker(reapEvery), time.NewTicker(searchEvery)
	defer reap.Stop()
	defer search.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-reap.C:
			o.logged(ctx, o.Reap(ctx))
		case <-search.C:
			o.logged(ctx, o.Sweep(ctx))
		}
	}
}

func (o *Objects) logged(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		o.log.ErrorContext(ctx, "objects not swept", "err", err)
	}
}

// Sweep removes all that nobody needs: dead blobs, also those of logs; objects
// that were dropped, or not sealed and silent for a day; blobs that no row has,
// and what uploads that never ended have left.
func (o *Objects) Sweep(ctx context.Context) error { return o.sweep(ctx, o.now().Add(-unsaved)) }

// sweep is Sweep where blobs put before the given time, and no later, must have rows.
func (o *Objects) sweep(ctx context.Context, before time.Time) error {
	if err := o.Reap(ctx); err != nil {
		return err
	}
	if err := o.search(ctx, before); err != nil {
		return err
	}
	halves := o.now().Add(-stale)
	if o.exclusive && before.After(halves) {
		halves = before
	}
	return o.blobs.Sweep(ctx, halves)
}

// Reap is the part of Sweep that looks only at what the store knows to be dead,
// dropped or stale. It costs three queries when there is nothing: who deletes a run
// with all that hangs on it calls it, so that the bytes are gone when it answers.
func (o *Objects) Reap(ctx context.Context) error {
	since := o.now().Add(-stale)
	if err := batchwise(ctx, dropObjects, func(n int) (int, error) {
		ids, err := o.store.StaleObjects(ctx, since, n)
		if err != nil || len(ids) == 0 {
			return 0, err
		}
		return len(ids), o.store.Update(ctx, func(tx *store.Tx) error { return o.Drop(ctx, tx, ids...) })
	}); err != nil {
		return err
	}
	if err := batchwise(ctx, dropObjects, func(n int) (int, error) {
		ids, err := o.store.DroppedObjects(ctx, n)
		if err != nil || len(ids) == 0 {
			return 0, err
		}
		return len(ids), o.remove(ctx, ids)
	}); err != nil {
		return err
	}
	return batchwise(ctx, dropBatch, func(n int) (int, error) {
		keys, err := o.store.DeadBlobs(ctx, n)
		if err != nil || len(keys) == 0 {
			return 0, err
		}
		if err := o.deleteBlobs(ctx, keys); err != nil {
			return 0, err
		}
		return len(keys), o.forgetDead(ctx, keys)
	})
}

// search deletes blobs put before the given time that no row has.
func (o *Objects) search(ctx context.Context, before time.Time) error {
	var keys []string
	check := func() error {
		unowned, err := o.store.Unowned(ctx, keys)
		keys = keys[:0]
		if err == nil && len(unowned) > 0 && o.now().Sub(before) < unsaved {
			// By a clock that is late, a blob of this process may look older.
			if err = wait(ctx, settle); err == nil {
				unowned, err = o.store.Unowned(ctx, unowned)
			}
		}
		if err != nil || len(unowned) == 0 {
			return err
		}
		o.log.InfoContext(ctx, "blobs without a row deleted", "blobs", len(unowned))
		return o.deleteBlobs(ctx, unowned)
	}
	for info, err := range o.blobs.List(ctx) {
		if err != nil {
			return err
		}
		if !info.ModTime.Before(before) {
			continue
		}
		if keys = append(keys, info.Key); len(keys) == dropBatch {
			if err := check(); err != nil {
				return err
			}
			if err := wait(ctx, pause); err != nil {
				return err
			}
		}
	}
	return check()
}

// batchwise calls fn, which takes up to n things, until it finds fewer.
func batchwise(ctx context.Context, n int, fn func(n int) (found int, err error)) error {
	for {
		found, err := fn(n)
		if err != nil || found < n {
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
