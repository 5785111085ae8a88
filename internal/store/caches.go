package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const cacheColumns = `id, repo_id, job_id, scope, key, version, object_id, status, size, created_at, last_accessed_at`

func scanCache(r db.Row) (*actions.Cache, error) {
	c := new(actions.Cache)
	var status string
	err := r.Scan(&c.ID, &c.RepoID, &c.JobID, &c.Scope, &c.Key, &c.Version, &c.ObjectID, &status, &c.Size,
		db.Time(&c.CreatedAt), db.Time(&c.LastAccessedAt))
	c.Live = status == "live"
	return c, err
}

func lowerKey(key string) []byte { return []byte(actions.CacheLower(key)) }

// CreateCache adds c, which is pending, and sets its id.
func (tx *Tx) CreateCache(ctx context.Context, c *actions.Cache) error {
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into caches
		(repo_id, job_id, scope, key, key_lower, version, object_id, status, created_at, last_accessed_at)
		values ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9) returning id`,
		c.RepoID, c.JobID, c.Scope, c.Key, lowerKey(c.Key), c.Version, c.ObjectID, db.Micros(c.CreatedAt), db.Micros(c.LastAccessedAt))
	if err != nil {
		return fmt.Errorf("cache %s: %w", c.Key, err)
	}
	c.ID = id
	return nil
}

// Cache returns the cache with the given id.
func (q queries) Cache(ctx context.Context, id int64) (*actions.Cache, error) {
	c, err := db.One(ctx, q.ex, scanCache, `select `+cacheColumns+` from caches where id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("cache %d: %w", id, err)
	}
	return c, nil
}

// RepoCache returns a live cache of a repository.
func (q queries) RepoCache(ctx context.Context, repoID, id int64) (*actions.Cache, error) {
	c, err := db.One(ctx, q.ex, scanCache, `select `+cacheColumns+` from caches where id = $1 and repo_id = $2 and status = 'live'`, id, repoID)
	if err != nil {
		return nil, fmt.Errorf("cache %d: %w", id, err)
	}
	return c, nil
}

// SameCaches lists the caches with the scope, version and key of c: the live one
// and those that jobs upload. The key is compared without case.
func (q queries) SameCaches(ctx context.Context, c *actions.Cache) ([]*actions.Cache, error) {
	const same = ` from caches where repo_id = $1 and scope = $2 and version = $3 and key_lower = $4 and status = `
	return db.All(ctx, q.ex, scanCache, `select `+cacheColumns+same+`'live' union all select `+cacheColumns+same+`'pending' order by 1`,
		c.RepoID, c.Scope, c.Version, lowerKey(c.Key))
}

// CountPendingCaches counts what a job has begun to upload.
func (q queries) CountPendingCaches(ctx context.Context, jobID int64) (int64, error) {
	return db.One(ctx, q.ex, db.Value[int64], `select count(*) from caches where job_id = $1 and status = 'pending'`, jobID)
}

// PendingCacheBytes is what was sent so far of caches of a repository that are not
// complete: of those of pull requests, or of all others.
func (q queries) PendingCacheBytes(ctx context.Context, repoID int64, pulls bool) (int64, error) {
	which := `not (c.scope >= $2 and c.scope < $3)`
	if pulls {
		which = `c.scope >= $2 and c.scope < $3`
	}
	return db.One(ctx, q.ex, db.Value[int64], `select cast(coalesce(sum(o.received), 0) as bigint) from caches c join objects o on o.id = c.object_id
		where c.repo_id = $1 and c.status = 'pending' and `+which, repoID, actions.PullPrefix, string(after([]byte(actions.PullPrefix))))
}

// A CacheQuery is a search for a cache. The repository is always part of it.
type CacheQuery struct {
	RepoID  int64
	Scopes  []string // full refs, in the order of search
	Keys    []string // in the order of search; each also stands for what begins with it
	Version string
}

// FindCache returns the first cache that a search meets: for each scope, for each
// key, the one with that key, else the newest whose key begins with it. Newest is
// by id. However many there are, an index holds each answer.
func (q queries) FindCache(ctx context.Context, s CacheQuery) (*actions.Cache, error) {
	const id = `(select max(id) from caches where repo_id = $1 and version = $2 and status = 'live'`
	args := []any{s.RepoID, s.Version}
	var text strings.Builder
	for _, scope := range s.Scopes {
		args = append(args, scope)
		at := len(args)
		for _, key := range s.Keys {
			low := lowerKey(key)
			args = append(args, low, after(low))
			if text.Len() > 0 {
				text.WriteString(" union all ")
			}
			fmt.Fprintf(&text, `select cast(%d as bigint), coalesce(%s and scope = $%d and key_lower = $%d), %s and scope = $%d and key_lower >= $%d and key_lower < $%d), 0)`,
				len(args), id, at, len(args)-1, id, at, len(args)-1, len(args))
		}
	}
	if text.Len() == 0 {
		return nil, actions.Errorf(actions.NotFound, "no cache is asked for")
	}
	found, err := db.All(ctx, q.ex, func(r db.Row) (id int64, err error) {
		var rank int64
		err = r.Scan(&rank, &id)
		return id, err
	}, text.String()+` order by 1`, args...)
	if err != nil {
		return nil, fmt.Errorf("caches of repository %d: %w", s.RepoID, err)
	}
	for _, id := range found {
		if id != 0 {
			return q.RepoCache(ctx, s.RepoID, id)
		}
	}
	return nil, actions.Errorf(actions.NotFound, "no cache matches")
}

// after is the first text behind all that begin with the prefix. UTF-8 has no
// byte that could overflow.
func after(prefix []byte) []byte {
	end := append([]byte{}, prefix...)
	end[len(end)-1]++
	return end
}

// FinishCache makes a pending cache live, with its size and last access, and counts it.
// When another one is live already, it is a Conflict.
func (tx *Tx) FinishCache(ctx context.Context, c *actions.Cache) error {
	tx.Publish(RepoTopic(c.RepoID))
	err := db.ExecOne(ctx, tx.ex, `update caches set status = 'live', size = $2, last_accessed_at = $3 where id = $1 and status = 'pending'`,
		c.ID, c.Size, db.Micros(c.LastAccessedAt))
	if err != nil {
		return fmt.Errorf("cache %d: %w", c.ID, err)
	}
	c.Live = true
	return tx.countCache(ctx, c, 1)
}

// DeleteCache removes c, which the transaction has read. Its object is the
// caller's to drop.
func (tx *Tx) DeleteCache(ctx context.Context, c *actions.Cache) error {
	if err := db.ExecOne(ctx, tx.ex, `delete from caches where id = $1`, c.ID); err != nil {
		return fmt.Errorf("cache %d: %w", c.ID, err)
	}
	if !c.Live {
		return nil
	}
	tx.Publish(RepoTopic(c.RepoID))
	return tx.countCache(ctx, c, -1)
}

func (tx *Tx) countCache(ctx context.Context, c *actions.Cache, n int64) error {
	bytes, pull := n*c.Size, int64(0)
	if c.OfPull() {
		pull = bytes
	}
	_, err := db.Exec(ctx, tx.ex, `insert into usages (repo_id, caches, cache_bytes, pull_bytes) values ($1, $2, $3, $4)
		on conflict (repo_id) do update set caches = usages.caches + excluded.caches,
		cache_bytes = usages.cache_bytes + excluded.cache_bytes, pull_bytes = usages.pull_bytes + excluded.pull_bytes`, c.RepoID, n, bytes, pull)
	if err != nil {
		return fmt.Errorf("usage of repository %d: %w", c.RepoID, err)
	}
	return nil
}

// TouchCache notes that a cache was restored.
func (q queries) TouchCache(ctx context.Context, id int64, now time.Time) error {
	_, err := db.Exec(ctx, q.ex, `update caches set last_accessed_at = $2 where id = $1 and last_accessed_at < $2`, id, db.Micros(now))
	return err
}
