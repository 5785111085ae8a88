package trigger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Intend durably notes that refs of a repository are about to move, and sets
// the id of p.
func (t *Trigger) Intend(ctx context.Context, p *actions.Push) error {
	p.CreatedAt = t.now()
	return t.store.CreatePush(ctx, p)
}

// Pushed makes the runs of a push whose refs have moved; applied are the
// updates that were really made. The intent ends with it. Called again for the
// same push it does nothing. It tries a few times, since a push that has moved
// refs cannot be refused any more; should it fail all the same, the next start
// finds the intent.
func (t *Trigger) Pushed(ctx context.Context, base shape.Base, p *actions.Push, applied []actions.RefUpdate) (err error) {
	const tries, pause = 6, 100 * time.Millisecond
	for i := range tries {
		if err = t.pushed(ctx, base, p, applied); err == nil || i == tries-1 {
			break
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause << i): // 3 seconds in all
		}
	}
	return err
}

func (t *Trigger) pushed(ctx context.Context, base shape.Base, p *actions.Push, applied []actions.RefUpdate) error {
	repo, err := t.store.Repository(ctx, p.RepoID)
	if err != nil {
		return err
	}
	actor, err := t.store.Account(ctx, p.ActorID)
	if err != nil {
		return err
	}
	s := &started{repo: repo}
	for _, u := range events(applied) {
		one := &push{t: t, view: t.git.View(repo.ID), base: base, repo: repo, actor: actor, update: u, silent: silent(p)}
		if err := one.find(ctx, s); err != nil {
			return fmt.Errorf("push of %s to %s: %w", u.Ref, repo.FullName(), err)
		}
	}
	for _, st := range s.starts {
		if err := t.scheduler.Prepare(ctx, st); err != nil {
			return err
		}
	}
	runs := 0
	err = t.store.Update(ctx, func(tx *store.Tx) (err error) {
		runs = 0
		if mine, err := tx.DeletePush(ctx, p.ID); err != nil || !mine {
			return err
		}
		if len(applied) > 0 {
			if err := tx.SetPushed(ctx, repo.ID, t.now()); err != nil {
				return err
			}
		}
		runs, err = t.save(ctx, tx, s)
		return err
	})
	if err != nil {
		return fmt.Errorf("push to %s: %w", repo.FullName(), err)
	}
	t.log.InfoContext(ctx, "push", "repo", repo.ID, "updates", len(applied), "runs", runs)
	return nil
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

// silent says whether a push moves refs and starts no workflow: so it is with what
// a job does with its token, since a workflow could start itself for ever (TRG-9).
func silent(p *actions.Push) bool { return p.ByJob }

// events are the updates that count as push events: branches and tags that are
// there afterwards, unless there are too many (TRG-8).
func events(updates []actions.RefUpdate) []actions.RefUpdate {
	of := func(prefix string, limit int) []actions.RefUpdate {
		list := slices.DeleteFunc(slices.Clone(updates), func(u actions.RefUpdate) bool {
			return u.Deleted() || !strings.HasPrefix(u.Ref, prefix)
		})
		if len(list) > limit {
			return nil
		}
		return list
	}
	return append(of(actions.BranchPrefix, maxBranches), of(actions.TagPrefix, maxTags)...)
}
