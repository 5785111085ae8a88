package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A CacheUsage is what the live caches of a repository are together.
type CacheUsage struct {
	RepoID     int64
	Repository string // "owner/name", in lists
	Caches     int64
	Bytes      int64
	PullBytes  int64 // of the caches of pull requests, part of Bytes
}

// CacheUsage sums the caches of a repository up.
func (q queries) CacheUsage(ctx context.Context, repoID int64) (CacheUsage, error) {
	u, err := db.One(ctx, q.ex, func(r db.Row) (u CacheUsage, err error) {
		err = r.Scan(&u.RepoID, &u.Caches, &u.Bytes, &u.PullBytes)
		return u, err
	}, `select repo_id, caches, cache_bytes, pull_bytes from usages where repo_id = $1`, repoID)
	if actions.KindOf(err) == actions.NotFound {
		return CacheUsage{RepoID: repoID}, nil
	}
	if err != nil {
		return CacheUsage{}, fmt.Errorf("usage of repository %d: %w", repoID, err)
	}
	return u, nil
}

// OwnerCacheUsage sums the caches of all repositories of an account up.
func (q queries) OwnerCacheUsage(ctx context.Context, ownerID int64) (CacheUsage, error) {
	return db.One(ctx, q.ex, func(r db.Row) (u CacheUsage, err error) {
		err = r.Scan(&u.Caches, &u.Bytes)
		return u, err
	}, `select cast(coalesce(sum(u.caches), 0) as bigint), cast(coalesce(sum(u.cache_bytes), 0) as bigint)
		from repositories r join usages u on u.repo_id = r.id where r.owner_id = $1`, ownerID)
}

var cacheUsageList = db.List[CacheUsage]{
	Table: `repositories r join usages u on u.repo_id = r.id`, ID: `r.id`, Joins: `join accounts o on o.id = r.owner_id`,
	Columns: `r.id, o.login || '/' || r.name, u.caches, u.cache_bytes`,
	Scan: func(r db.Row) (u CacheUsage, err error) {
		err = r.Scan(&u.RepoID, &u.Repository, &u.Caches, &u.Bytes)
		return u, err
	},
}.Where(`u.caches > 0`).Order(`r.id`)

// OwnerCacheUsages lists a page of the repositories of an account that have
// caches, and how many there are.
func (q queries) OwnerCacheUsages(ctx context.Context, ownerID int64, p Page) ([]CacheUsage, int, error) {
	list, total, err := cacheUsageList.Where(`r.owner_id = ?`, ownerID).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("caches of account %d: %w", ownerID, err)
	}
	return list, total, nil
}

// A CacheFilter narrows a list of live caches. Zero fields do not.
type CacheFilter struct {
	RepoID int64
	Key    string // exact
	Prefix string // what the key begins with
	Ref    string // full ref
	Sort   string // "created_at", "size_in_bytes", else by last access
	Oldest bool   // or smallest first
}

var cacheList = db.List[*actions.Cache]{
	Table: `caches`, ID: `id`, Columns: cacheColumns, Scan: scanCache,
}.Where(`status = 'live'`)

// Caches lists a page of the live caches that match, and how many there are.
func (q queries) Caches(ctx context.Context, f CacheFilter, p Page) ([]*actions.Cache, int, error) {
	l := cacheList.Where(`repo_id = ?`, f.RepoID).Narrow(`scope = ?`, f.Ref).Order(f.order())
	if f.Key != "" {
		l = l.Where(`key_lower = ?`, lowerKey(f.Key))
	}
	if f.Prefix != "" {
		low := lowerKey(f.Prefix)
		l = l.Where(`key_lower >= ? and key_lower < ?`, low, after(low))
	}
	if f.Key == "" && f.Prefix == "" && f.Ref == "" {
		l = l.Counter(`select caches from usages where repo_id = $1`, f.RepoID)
	}
	list, total, err := l.Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("caches of repository %d: %w", f.RepoID, err)
	}
	return list, total, nil
}

func (f CacheFilter) order() string {
	direction := " desc"
	if f.Oldest {
		direction = ""
	}
	switch f.Sort {
	case "created_at":
		return `id` + direction // the order in which they were begun
	case "size_in_bytes":
		return `size` + direction + `, id` + direction
	}
	return `last_accessed_at` + direction + `, id` + direction
}

// LeastUsedCaches lists up to limit live caches of a repository but the one with
// the id keep, those that were restored longest ago first; only of pull requests,
// if so asked.
func (q queries) LeastUsedCaches(ctx context.Context, repoID, keep int64, pulls bool, limit int) ([]*actions.Cache, error) {
	text := `select ` + cacheColumns + ` from caches where repo_id = $1 and status = 'live' and id <> $2`
	if pulls {
		text += ` and substr(scope, 1, ` + strconv.Itoa(len(actions.PullPrefix)) + `) = '` + actions.PullPrefix + `'`
	}
	return db.All(ctx, q.ex, scanCache, text+` order by last_accessed_at, id limit $3`, repoID, keep, limit)
}

// UnusedCaches lists up to limit live caches of a repository that nobody has
// restored since the given time, those that were restored longest ago first.
func (q queries) UnusedCaches(ctx context.Context, repoID int64, since time.Time, limit int) ([]*actions.Cache, error) {
	return db.All(ctx, q.ex, scanCache, `select `+cacheColumns+` from caches
		where repo_id = $1 and status = 'live' and last_accessed_at <= $2 order by last_accessed_at, id limit $3`, repoID, db.Micros(since), limit)
}

// AbandonedCaches lists up to limit caches whose job ended before they were complete.
func (q queries) AbandonedCaches(ctx context.Context, limit int) ([]*actions.Cache, error) {
	return db.All(ctx, q.ex, scanCache, `select `+prefixed("c", cacheColumns)+` from caches c left join jobs j on j.id = c.job_id
		where c.status = 'pending' and (j.id is null or j.status = 'completed') order by c.job_id limit $1`, limit)
}

// A CacheStock is what a repository holds in caches, for who decides what goes.
type CacheStock struct {
	Repo   actions.Repository // only what its settings depend on
	Bytes  int64              // of its live caches
	Oldest time.Time          // when the one was restored that nobody has restored for longest
}

func scanCacheStock(r db.Row) (*CacheStock, error) {
	s := new(CacheStock)
	return s, r.Scan(&s.Repo.ID, &s.Repo.Owner.ID, db.Bool(&s.Repo.Private), &s.Bytes, db.Time(&s.Oldest))
}

// CacheStocks lists up to limit repositories that have caches, with ids greater
// than after, in the order of ids.
func (q queries) CacheStocks(ctx context.Context, after int64, limit int) ([]*CacheStock, error) {
	return db.All(ctx, q.ex, scanCacheStock, `select r.id, r.owner_id, r.private, u.cache_bytes,
		coalesce((select c.last_accessed_at from caches c where c.repo_id = r.id and c.status = 'live' order by c.last_accessed_at limit 1), 0)
		from usages u join repositories r on r.id = u.repo_id where u.caches > 0 and u.repo_id > $1 order by u.repo_id limit $2`, after, limit)
}
