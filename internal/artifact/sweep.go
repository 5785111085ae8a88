package artifact

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	maxSleep   = time.Minute           // a clock may jump, and other servers add artifacts
	sweepBatch = 100                   // artifacts in one transaction: others wait for it
	sweepPause = 10 * time.Millisecond // at least, between two of them
	maxPause   = time.Second
	errorPause = 5 * time.Second // after a sweep that failed
	abandoned  = 24 * time.Hour  // without a new byte
)

// Run expires artifacts as soon as their time is over, until ctx ends, and removes
// uploads that nobody will finish.
func (a *Artifacts) Run(ctx context.Context) error {
	for {
		least := sweepPause
		if err := a.Sweep(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "artifacts not swept", "err", err)
			least = errorPause
		}
		if !a.sleep(ctx, least) {
			return nil
		}
	}
}

// sleep waits until the next artifact expires, or for a minute. It is false when
// ctx has ended.
func (a *Artifacts) sleep(ctx context.Context, least time.Duration) bool {
	until := a.now().Add(maxSleep)
	if next, err := a.store.NextExpiry(ctx); err == nil && next.Before(until) {
		until = next
	}
	left := func() time.Duration { return min(max(until.Sub(a.now()), least), maxSleep) }
	timer := time.NewTimer(left())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case at := <-a.sooner:
			if at.Before(until) {
				until = at
				timer.Reset(left())
			}
		}
	}
}

// arm tells Run of an artifact that may be the next to expire. A lost message
// costs less than a minute.
func (a *Artifacts) arm(at time.Time) {
	if at.Sub(a.now()) > maxSleep {
		return // Run looks before
	}
	select {
	case a.sooner <- at:
	default:
	}
}

// Sweep expires all artifacts whose time is over and takes their bytes, and
// removes uploads of jobs that are over.
func (a *Artifacts) Sweep(ctx context.Context) error {
	if err := a.batches(ctx, a.expire); err != nil {
		return err
	}
	return a.batches(ctx, a.abandon)
}

// batches does some until there are none left, and leaves at least half of the
// time to others.
func (a *Artifacts) batches(ctx context.Context, some func(context.Context) (int, error)) error {
	for {
		start := a.now()
		n, err := some(ctx)
		if err != nil || n < sweepBatch {
			return err
		}
		pause := time.NewTimer(min(max(a.now().Sub(start), sweepPause), maxPause))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}

// expire takes the bytes of some artifacts whose time is over. Power loss may undo
// it: nobody reads them any more, and the next sweep does it again.
func (a *Artifacts) expire(ctx context.Context) (n int, err error) {
	var list []*actions.Artifact
	err = a.store.UpdateRelaxed(ctx, func(tx *store.Tx) (err error) {
		if list, err = tx.ExpireArtifacts(ctx, a.now(), sweepBatch); err != nil {
			return err
		}
		objects := make([]int64, len(list))
		for i, art := range list {
			objects[i] = art.ObjectID
		}
		return a.objects.Drop(ctx, tx, objects...)
	})
	if err != nil {
		return 0, err
	}
	if len(list) > 0 {
		a.log.InfoContext(ctx, "artifacts expired", "artifacts", len(list))
	}
	return len(list), nil
}

// abandon removes some uploads that nobody will finish.
func (a *Artifacts) abandon(ctx context.Context) (n int, err error) {
	list, err := a.store.AbandonedArtifacts(ctx, a.now().Add(-abandoned), sweepBatch)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	err = a.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		for _, art := range list {
			cur, err := tx.Artifact(ctx, art.ID)
			if actions.KindOf(err) == actions.NotFound || err == nil && cur.Status != actions.ArtifactPending {
				continue // finished meanwhile
			}
			if err == nil {
				err = a.removeIn(ctx, tx, cur)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	a.log.InfoContext(ctx, "abandoned uploads removed", "artifacts", len(list))
	return len(list), nil
}
