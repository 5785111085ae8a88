package object

import (
	"context"
	"errors"
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
	settle      = time.Second           // until a row of a blob that is there stands in line
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
			o.logged(ctx, o.reap(ctx))
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
	halves := o.now().Add(-stale)
	if start := o.started.Add(-slack); o.exclusive && start.After(halves) {
		halves = start // what is younger is still being uploaded
	}
	return errors.Join(o.reap(ctx), o.search(ctx, before), o.blobs.Sweep(ctx, halves))
}

// reap is the part of sweep that looks only at what the store knows to be stale,
// dropped or dead. It costs three queries when there is nothing.
func (o *Objects) reap(ctx context.Context) error {
	for _, do := range []struct {
		most int
		fn   func(ctx context.Context, most int) (found int, err error)
	}{
		{dropObjects, o.dropStale},
		{dropObjects, o.removeDropped},
		{dropBatch, o.removeDead},
	} {
		if err := batchwise(ctx, do.most, do.fn); err != nil {
			return err
		}
	}
	return nil
}

// dropStale drops objects that are not sealed and got nothing for long.
func (o *Objects) dropStale(ctx context.Context, most int) (found int, err error) {
	since := o.now().Add(-stale)
	ids, err := o.store.StaleObjects(ctx, since, most)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return len(ids), o.store.Update(ctx, func(tx *store.Tx) error {
		sure, err := tx.StaleObjects(ctx, since, most) // but those that were sealed meanwhile
		if err != nil {
			return err
		}
		return o.Drop(ctx, tx, sure...)
	})
}

// removeDropped removes the bytes of objects that were dropped.
func (o *Objects) removeDropped(ctx context.Context, most int) (found int, err error) {
	ids, err := o.store.DroppedObjects(ctx, most)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return len(ids), o.remove(ctx, ids)
}

// removeDead deletes dead blobs.
func (o *Objects) removeDead(ctx context.Context, most int) (found int, err error) {
	keys, err := o.store.DeadBlobs(ctx, most)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	if err := o.deleteBlobs(ctx, keys); err != nil {
		return 0, err
	}
	return len(keys), o.forgetDead(ctx, keys)
}

// search deletes blobs put before the given time that no row has. Those that are
// older than the database are not its own: somebody may have named the wrong one.
func (o *Objects) search(ctx context.Context, before time.Time) error {
	born, err := o.store.Born(ctx)
	if err != nil {
		return err
	}
	strange := 0
	defer func() {
		if strange > 0 {
			o.log.WarnContext(ctx, "blobs older than the database are left alone", "blobs", strange)
		}
	}()
	var keys []string
	check := func() error {
		unowned, err := o.store.Unowned(ctx, keys)
		keys = keys[:0]
		if err == nil && len(unowned) > 0 {
			unowned, err = o.settled(ctx, unowned)
		}
		if err != nil || len(unowned) == 0 {
			return err
		}
		o.log.InfoContext(ctx, "blobs without a row deleted", "blobs", len(unowned))
		return o.deleteBlobs(ctx, unowned)
	}
	for info, err := range o.blobs.List(ctx) {
		if err != nil { // which hides no owner of what came before
			return errors.Join(err, check())
		}
		if !info.ModTime.Before(before) {
			continue
		}
		if info.ModTime.Before(born.Add(-slack)) {
			strange++
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

// settled returns those of the keys that still have no row after a short wait. A
// blob may look older than it is, because a clock is late or its upload took long.
// Its row is then written within that wait, or waits in one of SQLite's two queues
// of updates: an update through each queue comes after it and sees it.
func (o *Objects) settled(ctx context.Context, keys []string) ([]string, error) {
	err := wait(ctx, settle)
	for _, update := range []func(context.Context, func(*store.Tx) error) error{o.store.Update, o.store.UpdateRelaxed} {
		if err != nil || len(keys) == 0 {
			break
		}
		var unowned []string
		err = update(ctx, func(tx *store.Tx) (err error) {
			unowned, err = tx.Unowned(ctx, keys)
			return err
		})
		keys = unowned
	}
	return keys, err
}

// batchwise calls fn, which takes up to most things, until it finds fewer.
func batchwise(ctx context.Context, most int, fn func(ctx context.Context, most int) (found int, err error)) error {
	for {
		found, err := fn(ctx, most)
		if err != nil || found < most {
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
