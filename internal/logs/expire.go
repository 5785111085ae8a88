package logs

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	expireBatch = 20                    // attempts in one transaction: others wait for it
	expirePause = 10 * time.Millisecond // between two of them, and as long as one took
	maxPause    = time.Second
	lateParts   = time.Hour // after an attempt nothing more of its logs comes
)

// expireAll deletes logs whose time is over until ctx ends.
func (l *Logs) expireAll(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := l.Expire(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "logs not expired", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Expire deletes the logs of attempts that are over and whose time is over: what was
// printed, and not how steps and jobs ended. When that is was decided when the attempt
// began, as it is for artifacts. For attempts of servers that did not decide it, it is
// decided now.
func (l *Logs) Expire(ctx context.Context) error {
	if err := l.batches(ctx, l.date); err != nil {
		return err
	}
	return l.batches(ctx, l.expire)
}

// batches does some until there are none left, and leaves at least half of the time to
// others.
func (l *Logs) batches(ctx context.Context, some func(context.Context) (int, error)) error {
	for {
		start := l.now()
		n, err := some(ctx)
		if err != nil || n < expireBatch {
			return err
		}
		pause := time.NewTimer(min(max(l.now().Sub(start), expirePause), maxPause))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}

// expire deletes the logs of some attempts. Power loss may undo it: the next time does it
// again.
func (l *Logs) expire(ctx context.Context) (n int, err error) {
	err = l.store.UpdateRelaxed(ctx, func(tx *store.Tx) (err error) {
		now := l.now()
		n, err = tx.ExpireLogs(ctx, now, now.Add(-lateParts), expireBatch)
		return err
	})
	if err == nil && n > 0 {
		l.log.InfoContext(ctx, "logs expired", "attempts", n)
	}
	return n, err
}

// date decides for some attempts when their logs expire.
func (l *Logs) date(ctx context.Context) (int, error) {
	list, err := l.store.UndatedLogs(ctx, expireBatch)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	at := make([]time.Time, len(list))
	for i, u := range list {
		repo, err := l.store.Repository(ctx, u.RepoID)
		if actions.KindOf(err) == actions.NotFound {
			continue // it is deleted, with the attempt
		}
		if err != nil {
			return 0, err
		}
		days, err := settings.Get(ctx, l.settings, settings.Repo(repo), settings.RetentionDays)
		if err != nil {
			return 0, err
		}
		at[i] = u.StartedAt.AddDate(0, 0, days)
	}
	return len(list), l.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		for i, u := range list {
			if err := tx.DateLogs(ctx, u.RunID, u.Number, at[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
