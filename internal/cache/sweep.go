package cache

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	sweepEvery = 5 * time.Minute
	batch      = 100 // caches of one transaction
)

// Run removes what is no longer kept, until ctx ends.
func (c *Caches) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := c.Sweep(ctx); err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "caches not swept", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep removes caches that nobody restores, uploads whose job has ended, and
// what is over a repository's limit because that became smaller or this program
// was killed between saving a cache and making room for it.
func (c *Caches) Sweep(ctx context.Context) error {
	c.rate.sweep(c.now())
	err := c.removeAll(ctx, func(q queries) ([]*actions.Cache, error) { return q.AbandonedCaches(ctx, batch) })
	if err != nil {
		return err
	}
	for after := int64(0); ; {
		list, err := c.store.CacheStocks(ctx, after, batch)
		if err != nil {
			return err
		}
		for _, stock := range list {
			if err := c.sweepRepo(ctx, stock); err != nil {
				return err
			}
			after = stock.Repo.ID
		}
		if len(list) < batch {
			return nil
		}
	}
}

// sweepRepo removes what a repository keeps no longer.
func (c *Caches) sweepRepo(ctx context.Context, stock *store.CacheStock) error {
	scope := settings.Repo(&stock.Repo)
	days, err := settings.Get(ctx, c.settings, scope, settings.CacheDays)
	if err != nil {
		return err
	}
	if since := c.now().UTC().AddDate(0, 0, -days); !stock.Oldest.After(since) {
		err = c.removeAll(ctx, func(q queries) ([]*actions.Cache, error) { return q.UnusedCaches(ctx, stock.Repo.ID, since, batch) })
		if err != nil {
			return err
		}
	}
	limit, err := settings.Get(ctx, c.settings, scope, settings.CacheBytes)
	if err != nil || stock.Bytes <= limit {
		return err
	}
	return c.shrink(ctx, stock.Repo.ID, limit)
}

// Shrink removes what the caches of a repository have above its limit, those of
// pull requests first.
func (c *Caches) Shrink(ctx context.Context, repoID int64) error {
	limit, err := c.limit(ctx, repoID)
	if err != nil {
		return err
	}
	return c.shrink(ctx, repoID, limit)
}

func (c *Caches) shrink(ctx context.Context, repoID, limit int64) error {
	for _, pulls := range []bool{true, false} {
		if err := c.evict(ctx, repoID, 0, pulls, limit); err != nil {
			return err
		}
	}
	return nil
}

// queries is what [store.Store] and [store.Tx] have in common here.
type queries interface {
	AbandonedCaches(ctx context.Context, limit int) ([]*actions.Cache, error)
	UnusedCaches(ctx context.Context, repoID int64, since time.Time, limit int) ([]*actions.Cache, error)
}

// removeAll removes all that list names, batch after batch. The transaction asks
// again: what is restored or finalized in the meantime stays.
func (c *Caches) removeAll(ctx context.Context, list func(queries) ([]*actions.Cache, error)) error {
	for {
		seen, err := list(c.store)
		if err != nil || len(seen) == 0 {
			return err
		}
		err = c.store.Update(ctx, func(tx *store.Tx) error {
			sure, err := list(tx)
			if err != nil {
				return err
			}
			return c.remove(ctx, tx, sure)
		})
		if err != nil {
			return err
		}
		c.log.InfoContext(ctx, "caches removed", "caches", len(seen))
	}
}

// evict removes the caches of a repository that were restored longest ago, but
// not the one with the id keep, until the rest is within limit, in bytes; only those
// of pull requests, if so asked.
func (c *Caches) evict(ctx context.Context, repoID, keep int64, pulls bool, limit int64) error {
	for more := true; more; {
		var gone int
		err := c.store.Update(ctx, func(tx *store.Tx) error {
			more, gone = false, 0
			used, err := tx.CacheUsage(ctx, repoID)
			if err != nil {
				return err
			}
			over := used.Bytes - limit
			if over <= 0 {
				return nil
			}
			list, err := tx.LeastUsedCaches(ctx, repoID, keep, pulls, batch)
			if err != nil {
				return err
			}
			for gone < len(list) && over > 0 {
				over -= list[gone].Size
				gone++
			}
			more = over > 0 && gone == batch
			return c.remove(ctx, tx, list[:gone])
		})
		if err != nil {
			return err
		}
		if gone > 0 {
			c.log.InfoContext(ctx, "caches evicted", "repo", repoID, "caches", gone)
		}
	}
	return nil
}
