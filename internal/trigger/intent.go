package trigger

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Intend durably notes that refs of a repository are about to move, and sets
// the id of p.
func (t *Trigger) Intend(ctx context.Context, p *actions.Push) error {
	p.CreatedAt = t.now()
	return t.store.CreatePush(ctx, p)
}

// Pushed makes the runs of a push whose refs have moved; applied are the updates
// that were really made. The intent stays until the last run is written: called
// again for the same push, here or by another server, it makes those that are
// missing, and in the end does nothing. It tries a few times to get on, since a
// push that has moved refs cannot be refused any more; should it fail all the same,
// the next start finds the intent.
func (t *Trigger) Pushed(ctx context.Context, base shape.Base, p *actions.Push, applied []actions.RefUpdate) error {
	const tries, pause = 6, 100 * time.Millisecond // 3 seconds in all
	made := 0
	for i := 0; ; i++ {
		runs, err := t.finish(ctx, base, p, applied)
		made += runs
		switch {
		case err == nil:
			t.log.InfoContext(ctx, "push", "repo", p.RepoID, "updates", len(applied), "runs", made)
			return nil
		case runs > 0:
			i = 0
		case i == tries-1:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause << i):
		}
	}
}

// Reconcile finishes the pushes that an earlier server left unfinished. It must
// end before the first new push is let in. One that cannot be finished now is
// kept, and does not keep the others.
func (t *Trigger) Reconcile(ctx context.Context, base shape.Base) error {
	left, err := t.store.Pushes(ctx)
	if err != nil {
		return fmt.Errorf("unfinished pushes: %w", err)
	}
	for _, p := range left {
		if err := t.reconcile(ctx, base, p); err != nil {
			t.log.ErrorContext(ctx, "push not finished", "repo", p.RepoID, "err", err)
		}
	}
	return nil
}

func (t *Trigger) reconcile(ctx context.Context, base shape.Base, p *actions.Push) error {
	applied, err := t.git.Applied(ctx, p.RepoID, p.Updates)
	if actions.KindOf(err) == actions.NotFound { // the repository is gone
		_, err := t.store.DeletePush(ctx, p.ID)
		return err
	}
	if err != nil {
		return err
	}
	t.log.InfoContext(ctx, "unfinished push found", "repo", p.RepoID, "updates", len(applied))
	return t.Pushed(ctx, base, p, applied)
}
