package trigger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
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

// late are the repositories with a push that was answered and whose runs are not all
// made, and when they are due.
type late struct {
	mu    sync.Mutex
	repos map[int64]rest
	wake  chan struct{} // room for one
}

// A rest is what is to be done for a repository.
type rest struct {
	due    time.Time
	settle bool // nobody has noted yet what became of some push
}

// add notes that a repository has a rest. What is to be settled is due at once.
func (l *late) add(repoID int64, r rest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.repos == nil {
		l.repos = make(map[int64]rest)
	}
	if known, ok := l.repos[repoID]; ok {
		r.settle = r.settle || known.settle
		if known.due.Before(r.due) {
			r.due = known.due
		}
	}
	l.repos[repoID] = r
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take returns the repositories that are due, and forgets them.
func (l *late) take(now time.Time) map[int64]rest {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := map[int64]rest{}
	for id, r := range l.repos {
		if !r.due.After(now) {
			due[id] = r
			delete(l.repos, id)
		}
	}
	return due
}

// next is how long it takes until one is due, and most if none is before that.
func (l *late) next(now time.Time, most time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.repos {
		most = min(most, max(r.due.Sub(now), 0))
	}
	return most
}

// waits says whether a repository is due later.
func (l *late) waits(repoID int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.repos[repoID]
	return ok
}

// Run makes the runs of pushes that were left without until ctx ends: by an earlier
// server, by this one when it could not write, and those that were to come later. New
// pushes may come meanwhile.
func (t *Trigger) Run(ctx context.Context, base shape.Base) error {
	happened := t.store.Subscribe(store.HappeningTopic(0))
	defer happened.Close()
	looked := t.now()
	err := t.catchUp(ctx, base, func(store.PushesOf) bool { return true }, t.portion)
	for wait := firstPause; ; {
		next := t.late.next(t.now(), max(look-t.now().Sub(looked), 0))
		if err != nil && ctx.Err() == nil {
			t.log.ErrorContext(ctx, "pushes wait for their runs", "err", err)
			next, wait = wait, min(2*wait, longestPause)
		} else {
			wait = firstPause
		}
		var heard error
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-woken(t.late.wake, err == nil):
		case <-woken(happened.C(), err == nil):
			heard = t.hear(ctx, happened)
		}
		timer.Stop()
		none := func(store.PushesOf) bool { return false }
		if t.now().Sub(looked) >= look { // for those that nobody has told of
			looked = t.now()
			none = func(p store.PushesOf) bool { return t.now().Sub(p.Oldest) > abandoned }
		}
		err = errors.Join(heard, t.catchUp(ctx, base, none, t.portion))
	}
}

func (t *Trigger) portion() *portion { return newPortion(t.now()) }

// woken is a channel that wakes [Trigger.Run]. Who pauses after an error is not to be
// woken.
func woken(wake <-chan struct{}, ready bool) <-chan struct{} {
	if !ready {
		return nil
	}
	return wake
}

// hear notes where events have happened that wait for their runs.
func (t *Trigger) hear(ctx context.Context, happened *store.Subscription) error {
	topics, all := happened.Take()
	for _, topic := range topics {
		t.late.add(topic.ID, rest{due: t.now()})
	}
	if !all {
		return nil
	}
	open, err := t.store.Pushes(ctx)
	for _, p := range open {
		if p.Happened {
			t.late.add(p.RepoID, rest{due: t.now()})
		}
	}
	return err
}

// Reconcile finishes all pushes that have no runs yet, however many these are.
func (t *Trigger) Reconcile(ctx context.Context, base shape.Base) error {
	return t.catchUp(ctx, base, func(store.PushesOf) bool { return true }, func() *portion { return nil })
}

// catchUp goes on with the pushes of all repositories that are late, and of those of
// which others says so: with a portion of each.
func (t *Trigger) catchUp(ctx context.Context, base shape.Base, others func(store.PushesOf) bool, portion func() *portion) error {
	due := t.late.take(t.now())
	open, err := t.store.Pushes(ctx)
	if err != nil {
		for id, r := range due {
			t.late.add(id, r)
		}
		return fmt.Errorf("unfinished pushes: %w", err)
	}
	var work errgroup.Group // without a context: each goes on
	work.SetLimit(atOnce)
	for _, p := range open {
		r, is := due[p.RepoID]
		if !is && (t.late.waits(p.RepoID) || !others(p)) {
			continue
		}
		r.settle = r.settle || !is
		work.Go(func() error {
			var err error
			if r.settle {
				err = t.settle(ctx, p.RepoID)
			}
			if err == nil {
				r.settle = false
				_, err = t.finishAll(ctx, base, p.RepoID, nil, portion())
			}
			if err != nil && !errors.Is(err, errLater) { // then it is noted already
				t.late.add(p.RepoID, rest{t.now(), r.settle})
				return fmt.Errorf("repository %d: %w", p.RepoID, err)
			}
			return nil
		})
	}
	return work.Wait()
}

// settle notes what became of pushes to a repository, where that is not known yet.
// The answer for one that was known before it could be noted is not taken.
func (t *Trigger) settle(ctx context.Context, repoID int64) error {
	open, err := t.store.UnsettledPushes(ctx, repoID)
	if err != nil {
		return err
	}
	for _, p := range open {
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
