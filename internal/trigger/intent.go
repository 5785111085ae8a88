package trigger

import (
	"context"
	"errors"
	"math"
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
	if n, err := t.store.CountPushes(ctx, p.RepoID); err != nil {
		return err
	} else if n >= maxIntents {
		return actions.Errorf(actions.Unavailable, "%d pushes to this repository wait for their runs: try again later", n)
	}
	open, err := t.store.UnsettledPushes(ctx, p.RepoID)
	if err != nil {
		return err
	}
	settled := map[int64][]actions.RefUpdate{}
	for _, before := range open {
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

const (
	maxIntents = 10_000 // of a repository, that wait for their runs
	atATime    = 20     // of them, that are looked at
)

// Pushed makes the runs of a push whose refs have moved; applied are the updates
// that were really made. It makes those of earlier pushes to the repository first,
// should there be some that are not made yet. The intent stays until the last run
// is written: called again for the same push, here or by another server, it makes
// those that are missing, and in the end does nothing. It tries a few times to get
// on, since a push that has moved refs cannot be refused any more. Should it fail
// all the same, or should there be more than a portion of runs, or more than the
// repository's rate, [Trigger.Run] goes on with it.
func (t *Trigger) Pushed(ctx context.Context, base shape.Base, p *actions.Push, applied []actions.RefUpdate) error {
	const tries = 6 // 3 seconds in all
	pause := &backoff.ExponentialBackOff{InitialInterval: 100 * time.Millisecond, Multiplier: 2, MaxInterval: 3 * time.Second}
	known := *p
	known.Updates, known.Settled = applied, true
	most := newPortion(t.now())
	for i := 1; ; i++ {
		runs, err := t.finishAll(ctx, base, p.RepoID, &known, most)
		if err == nil {
			return t.next(ctx, base, most)
		}
		if errors.Is(err, errLater) {
			return t.postpone(ctx, &known)
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
		t.late.add(p.RepoID, rest{t.now(), true})
		return err
	}
}

// next makes the runs of what the push has caused, as far as the portion goes: of pull
// requests, here and in other repositories. [Trigger.Run] goes on with the rest.
func (t *Trigger) next(ctx context.Context, base shape.Base, most *portion) error {
	for _, id := range most.next {
		if _, err := t.finishAll(ctx, base, id, nil, most); err != nil && !errors.Is(err, errLater) {
			t.log.WarnContext(ctx, "runs come later", "repo", id, "err", err)
		}
	}
	return nil
}

// postpone leaves a push to [Trigger.Run].
func (t *Trigger) postpone(ctx context.Context, p *actions.Push) error {
	err := t.store.SettlePush(ctx, p.ID, p.Updates)
	t.late.add(p.RepoID, rest{t.now().Add(t.pace.wait(p)), err != nil})
	if err == nil {
		t.log.InfoContext(ctx, "push is answered before its last run", "repo", p.RepoID, "updates", len(p.Updates))
	}
	return err
}

// patience is how long a push whose runs cannot be made holds up those of later
// ones to its repository. One that waits for the database holds them up as long as
// it has to.
const patience = 10 * time.Minute

// finishAll makes the missing runs of all pushes to a repository of which it is
// known what became of them, in their order, and says how many it has made. With a
// push of which the caller knows it, known, it comes to an end there. With most it
// returns errLater when that is used up. At any time one caller does it for a
// repository.
func (t *Trigger) finishAll(ctx context.Context, base shape.Base, repoID int64, known *actions.Push, most *portion) (runs int, err error) {
	leave, err := t.enter(ctx, repoID, most)
	if err != nil {
		return 0, err
	}
	defer leave()
	var failed error
	for last := int64(math.MinInt64); ; {
		open, err := t.store.RepoPushes(ctx, repoID, last, atATime)
		if err != nil {
			return runs, err
		}
		for _, p := range open {
			last = p.ID
			if known != nil && p.ID == known.ID {
				p = known
			}
			if !p.Settled { // it goes on right now, and nothing can come after it
				return runs, failed
			}
			made, err := t.finish(ctx, base, p, most)
			runs += made
			switch {
			case err == nil:
				t.log.InfoContext(ctx, "push", "repo", repoID, "updates", len(p.Updates), "runs", made)
			case errors.Is(err, errLater):
				t.late.add(repoID, rest{due: t.now().Add(t.pace.wait(p))})
				return runs, errLater
			case ctx.Err() != nil, actions.KindOf(err) == actions.Unavailable, t.now().Sub(p.CreatedAt) < patience:
				return runs, err
			default:
				failed = err
				t.log.ErrorContext(ctx, "push not finished; later ones do not wait for it", "repo", repoID, "err", err)
			}
			if p == known {
				return runs, failed
			}
		}
		if len(open) < atATime {
			return runs, failed
		}
	}
}

// enter is the line of a repository. Who makes a portion waits no longer than it may
// take.
func (t *Trigger) enter(ctx context.Context, repoID int64, most *portion) (leave func(), err error) {
	if most == nil {
		return t.lines.enter(ctx, repoID)
	}
	wait, cancel := context.WithTimeout(ctx, portionTime)
	defer cancel()
	if leave, err = t.lines.enter(wait, repoID); err != nil && ctx.Err() == nil {
		t.late.add(repoID, rest{due: t.now()}) // there will be more when the one in the line is done
		err = errLater
	}
	return leave, err
}
