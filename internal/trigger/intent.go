package trigger

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Intend durably notes that refs of a repository are about to move, and sets the
// id of p. It is called where nobody else moves refs of the repository (Check of
// gitrepo.ReceiveOptions), and with an error nobody may: it also notes what became
// of earlier pushes, as long as the refs tell.
func (t *Trigger) Intend(ctx context.Context, p *actions.Push) error {
	p.CreatedAt = t.now()
	open, err := t.store.RepoPushes(ctx, p.RepoID)
	if err != nil {
		return err
	}
	settled := map[int64][]actions.RefUpdate{}
	for _, before := range open {
		if before.Settled {
			continue
		}
		if settled[before.ID], err = t.git.View(p.RepoID).Applied(before.Updates); err != nil {
			return err
		}
	}
	if len(settled) == 0 {
		return t.store.CreatePush(ctx, p)
	}
	return t.store.Update(ctx, func(tx *store.Tx) error {
		for id, applied := range settled {
			if err := tx.SettlePush(ctx, id, applied); err != nil {
				return err
			}
		}
		return tx.CreatePush(ctx, p)
	})
}

// Pushed makes the runs of a push whose refs have moved; applied are the updates
// that were really made. It makes those of earlier pushes to the repository first,
// should there be some that are not made yet. The intent stays until the last run
// is written: called again for the same push, here or by another server, it makes
// those that are missing, and in the end does nothing. It tries a few times to get
// on, since a push that has moved refs cannot be refused any more; should it fail
// all the same, [Trigger.Run] goes on with it.
func (t *Trigger) Pushed(ctx context.Context, base shape.Base, p *actions.Push, applied []actions.RefUpdate) error {
	const tries = 6 // 3 seconds in all
	pause := &backoff.ExponentialBackOff{InitialInterval: 100 * time.Millisecond, Multiplier: 2, MaxInterval: 3 * time.Second}
	known := *p
	known.Updates, known.Settled = applied, true
	for i := 1; ; i++ {
		runs, err := t.finishAll(ctx, base, p.RepoID, &known)
		if err == nil {
			return nil
		}
		if runs > 0 {
			i = 1
			pause.Reset()
		}
		if i < tries {
			select {
			case <-ctx.Done():
			case <-time.After(pause.NextBackOff()):
				continue
			}
		}
		t.late.add(p.RepoID)
		return err
	}
}

// patience is how long a push whose runs cannot be made holds up those of later
// ones to its repository. One that waits for the database holds them up as long as
// it has to.
const patience = 10 * time.Minute

// finishAll makes the missing runs of all pushes to a repository of which it is
// known what became of them, in their order, and says how many it has made. With a
// push of which the caller knows it, known, it comes to an end there. At any time
// one caller does it for a repository.
func (t *Trigger) finishAll(ctx context.Context, base shape.Base, repoID int64, known *actions.Push) (runs int, err error) {
	leave, err := t.lines.enter(ctx, repoID)
	if err != nil {
		return 0, err
	}
	defer leave()
	open, err := t.store.RepoPushes(ctx, repoID)
	if err != nil {
		return 0, err
	}
	var failed error
	for _, p := range open {
		if known != nil && p.ID == known.ID {
			p = known
		}
		if !p.Settled { // it goes on right now, and nothing can come after it
			break
		}
		made, err := t.finish(ctx, base, p)
		runs += made
		switch {
		case err == nil:
			t.log.InfoContext(ctx, "push", "repo", repoID, "updates", len(p.Updates), "runs", made)
		case ctx.Err() != nil, actions.KindOf(err) == actions.Unavailable, t.now().Sub(p.CreatedAt) < patience:
			return runs, err
		default:
			failed = err
			t.log.ErrorContext(ctx, "push not finished; later ones do not wait for it", "repo", repoID, "err", err)
		}
		if p == known {
			break
		}
	}
	return runs, failed
}
