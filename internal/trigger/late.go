package trigger

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

const (
	look         = time.Minute            // between looks for intents that nobody has told of
	firstPause   = 200 * time.Millisecond // after a look that left something
	longestPause = 5 * time.Second

	// An intent so old has no push any more that would go on with it.
	abandoned = 2 * time.Minute

	// Git may hold the lock of a repository for long. The others do not wait for it.
	lockWait = 10 * time.Second
	atOnce   = 4 // repositories
)

// late are the repositories with a push that was answered and whose runs could not
// be made then.
type late struct {
	mu    sync.Mutex
	repos map[int64]bool
	wake  chan struct{} // room for one
}

func (l *late) add(repoID int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.repos == nil {
		l.repos = make(map[int64]bool)
	}
	l.repos[repoID] = true
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take returns the repositories that were added, and forgets them.
func (l *late) take() map[int64]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	repos := l.repos
	l.repos = nil
	return repos
}

// Run makes the runs of pushes that were left without until ctx ends: by an earlier
// server, and by this one when it could not write. New pushes may come meanwhile.
func (t *Trigger) Run(ctx context.Context, base shape.Base) error {
	err := t.Reconcile(ctx, base)
	for wait := firstPause; ; {
		next := look
		if err != nil && ctx.Err() == nil {
			t.log.ErrorContext(ctx, "pushes wait for their runs", "err", err)
			next, wait = wait, min(2*wait, longestPause)
		} else {
			wait = firstPause
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-t.late.woken(err == nil):
		}
		timer.Stop()
		err = t.catchUp(ctx, base, func(p *actions.Push, late map[int64]bool) bool {
			return late[p.RepoID] || t.now().Sub(p.CreatedAt) > abandoned
		})
	}
}

// woken is a channel that tells of a repository that is late. Who pauses after an
// error is not to be woken.
func (l *late) woken(ready bool) <-chan struct{} {
	if !ready {
		return nil
	}
	return l.wake
}

// Reconcile finishes all pushes that have no runs yet.
func (t *Trigger) Reconcile(ctx context.Context, base shape.Base) error {
	return t.catchUp(ctx, base, func(*actions.Push, map[int64]bool) bool { return true })
}

// catchUp finishes the pushes of all repositories with one that is due. One that
// fails does not keep the others.
func (t *Trigger) catchUp(ctx context.Context, base shape.Base, due func(p *actions.Push, late map[int64]bool) bool) error {
	late := t.late.take()
	open, err := t.store.Pushes(ctx)
	if err != nil {
		for id := range late {
			t.late.add(id)
		}
		return fmt.Errorf("unfinished pushes: %w", err)
	}
	repos := map[int64][]*actions.Push{}
	dueRepos := map[int64]bool{}
	for _, p := range open {
		repos[p.RepoID] = append(repos[p.RepoID], p)
		dueRepos[p.RepoID] = dueRepos[p.RepoID] || due(p, late)
	}
	var work errgroup.Group // without a context: each goes on
	work.SetLimit(atOnce)
	for id, is := range dueRepos {
		if !is {
			continue
		}
		work.Go(func() error {
			err := t.settle(ctx, repos[id])
			if err == nil {
				_, err = t.finishAll(ctx, base, id, nil)
			}
			if err != nil {
				t.late.add(id)
				return fmt.Errorf("repository %d: %w", id, err)
			}
			return nil
		})
	}
	return work.Wait()
}

// settle notes what became of pushes to a repository, where that is not known yet.
// The answer for one that was known before it could be noted is not taken.
func (t *Trigger) settle(ctx context.Context, open []*actions.Push) error {
	for _, p := range open {
		if p.Settled {
			continue
		}
		wait, cancel := context.WithTimeout(ctx, lockWait)
		applied, err := t.git.Applied(wait, p.RepoID, p.Updates)
		cancel()
		if err != nil && actions.KindOf(err) != actions.NotFound { // else the repository is gone
			return err
		}
		t.log.InfoContext(ctx, "unfinished push found", "repo", p.RepoID, "updates", len(applied))
		if err := t.store.SettlePush(ctx, p.ID, applied); err != nil {
			return err
		}
	}
	return nil
}
