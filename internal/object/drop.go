package object

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/store"
)

const (
	dropBatch   = 500              // blobs at a time
	deleters    = 8                // blobs that are deleted at once
	deleteTime  = 30 * time.Second // that the callers of a transaction wait for the bytes; the rest is left to Sweep
	dropObjects = 200              // objects at a time
)

// Drop removes objects in the transaction of the caller: nobody can read or change
// them after it, and their bytes are deleted before Update returns, as far as
// that is possible at once; [Objects.Run] does the rest. Who reads one may get to
// the end of the blob that is open. Objects that are not there are no error.
func (o *Objects) Drop(ctx context.Context, tx *store.Tx, ids ...int64) error {
	if len(ids) == 0 {
		return nil
	}
	if err := tx.DropObjects(ctx, o.now(), ids...); err != nil {
		return err
	}
	tx.After(func() {
		o.uploads.forget(ids...)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTime)
		defer cancel()
		if err := o.remove(ctx, ids); err != nil {
			o.log.WarnContext(ctx, "bytes of dropped objects left behind", "objects", len(ids), "err", err)
		}
	})
	return nil
}

// remove deletes the bytes of dropped objects, and then their rows. Power loss may
// bring rows back: then their bytes are deleted twice.
func (o *Objects) remove(ctx context.Context, ids []int64) error {
	for {
		keys, err := o.store.ObjectBlobs(ctx, dropBatch, ids...)
		if err != nil {
			return err
		}
		if err := o.deleteBlobs(ctx, keys); err != nil {
			return err
		}
		last := len(keys) < dropBatch
		if err := o.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
			if last {
				return tx.ForgetObjects(ctx, ids...)
			}
			return tx.ForgetBlocks(ctx, keys...)
		}); err != nil || last {
			return err
		}
	}
}

// deleteBlobs deletes blobs, several at once.
func (o *Objects) deleteBlobs(ctx context.Context, keys []string) error {
	if len(keys) == 1 {
		return o.blobs.Delete(ctx, keys[0])
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(deleters)
	for _, key := range keys {
		g.Go(func() error { return o.blobs.Delete(ctx, key) })
	}
	return g.Wait()
}

// deleteDead deletes blobs that are dead, by way of being early: [Objects.Sweep]
// finds what is left.
func (o *Objects) deleteDead(ctx context.Context, keys ...string) {
	if len(keys) == 0 {
		return
	}
	err := o.deleteBlobs(ctx, keys)
	if err == nil {
		err = o.forgetDead(ctx, keys)
	}
	if err != nil {
		o.log.WarnContext(ctx, "dead blobs left behind", "blobs", len(keys), "err", err)
	}
}

func (o *Objects) forgetDead(ctx context.Context, keys []string) error {
	return o.store.UpdateRelaxed(ctx, func(tx *store.Tx) error { return tx.ForgetBlobs(ctx, keys...) })
}
