// Package cache keeps files between the runs of a repository: what a job saves
// under a key, later jobs restore by that key or by what it begins with.
//
// A job reserves a key, uploads the bytes as an object (package object), and
// finalizes it: that is the one change by which the cache becomes live, complete
// and on disk, or is refused with nothing left. It belongs to the ref that the
// job's token lets it write ([actions.CacheScopes]); the same key and version can be
// live once in a scope, and never changes. Of several jobs that save the same key
// one gets it, and the others learn that it exists. What a job has begun and not
// finalized goes when the job ends.
//
// A search looks through scopes in their order, and is bound to the repository in
// the query itself. What it finds was restored last now: caches that nobody
// restores for some days go, and so do those restored longest ago when a new one
// makes all of them larger than the repository's limit.
//
// Caches of pull requests are made by people who may not push. A new one pushes
// out those of pull requests only, and is refused when the branches and tags
// leave no room, so that a flood of pull requests costs main no cache.
//
// All state is in the store but the count of the last minute's uploads. Two
// servers may share it.
package cache

import (
	"cmp"
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Limits are GitHub's (CACHE-5). How much a repository may hold, and for how long, is
// a setting: [settings.CacheBytes], [settings.CacheDays].
type Limits struct {
	PerMinute int   // uploads of a repository
	Pending   int64 // uploads that a job may have begun
}

// Config is what caches need. All fields are required but Settings and Limits.
type Config struct {
	Store    *store.Store
	Objects  *object.Objects
	Settings *settings.Settings // nil for those of a server whose operator says nothing
	Log      *slog.Logger
	Now      func() time.Time
	Limits   Limits // zero fields stand for 200 and 500
}

// Caches is safe for concurrent use.
type Caches struct {
	store    *store.Store
	objects  *object.Objects
	settings *settings.Settings
	log      *slog.Logger
	now      func() time.Time
	limits   Limits
	rate     rate
}

// New makes caches. It starts nothing: see [Caches.Run].
func New(c Config) *Caches {
	l := Limits{cmp.Or(c.Limits.PerMinute, 200), cmp.Or(c.Limits.Pending, 500)}
	if c.Settings == nil {
		c.Settings = settings.New(c.Store)
	}
	return &Caches{store: c.Store, objects: c.Objects, settings: c.Settings, log: c.Log, now: c.Now, limits: l, rate: rate{most: l.PerMinute}}
}

// limit is how many bytes the caches of a repository may hold together.
func (c *Caches) limit(ctx context.Context, repoID int64) (int64, error) {
	repo, err := c.store.Repository(ctx, repoID)
	if err != nil {
		return 0, err
	}
	return settings.Get(ctx, c.settings, settings.Repo(repo), settings.CacheBytes)
}

// ErrExists answers a reservation of what is live, or another job uploads.
var ErrExists = actions.Errorf(actions.Conflict, wire.CacheExists)

// Find returns the cache that a search meets first: in the scopes that may be
// read, by the keys in their order, of the version. NotFound is a miss; Forbidden
// says that the job may read none.
func (c *Caches) Find(ctx context.Context, repoID int64, scopes []actions.CacheScope, keys []string, version string) (*actions.Cache, error) {
	q, err := query(repoID, scopes, keys, version)
	if err != nil {
		return nil, err
	}
	found, err := c.store.FindCache(ctx, q)
	if err != nil {
		return nil, err
	}
	c.touch(found)
	return found, nil
}

// maxSimilar is how many caches of a scope [Caches.Similar] shows.
const maxSimilar = 100

// Similar lists what a job may read whose key begins with the given one, of any
// version, newest first in each scope.
func (c *Caches) Similar(ctx context.Context, repoID int64, scopes []actions.CacheScope, key string) ([]*actions.Cache, error) {
	q, err := query(repoID, scopes, []string{key}, "any")
	if err != nil {
		return nil, err
	}
	var out []*actions.Cache
	for _, scope := range q.Scopes {
		list, _, err := c.store.Caches(ctx, store.CacheFilter{RepoID: repoID, Prefix: key, Ref: scope, Sort: "created_at"}, store.Page{Number: 1, Size: maxSimilar})
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// query checks a search. Clients repeat the key among the restore keys.
func query(repoID int64, scopes []actions.CacheScope, keys []string, version string) (store.CacheQuery, error) {
	q := store.CacheQuery{RepoID: repoID, Version: version}
	for _, s := range scopes {
		if s.Reads() {
			q.Scopes = append(q.Scopes, s.Scope)
		}
	}
	if len(q.Scopes) == 0 {
		return q, actions.Errorf(actions.Forbidden, wire.CacheReadDenied+" the job may not read caches")
	}
	if err := actions.CheckCacheVersion(version); err != nil {
		return q, err
	}
	seen := make(map[string]bool, len(keys))
	for _, key := range keys {
		if err := actions.CheckCacheKey(key); err != nil {
			return q, err
		}
		if low := actions.CacheLower(key); !seen[low] {
			seen[low] = true
			q.Keys = append(q.Keys, key)
		}
		if len(seen) > actions.MaxCacheKeys {
			return q, actions.Errorf(actions.Invalid, "Key Validation Error: Keys are limited to a maximum of %d.", actions.MaxCacheKeys)
		}
	}
	if len(q.Keys) == 0 {
		return q, actions.Errorf(actions.Invalid, "Key Validation Error: there is no key")
	}
	return q, nil
}

// touch notes that a cache was restored, soon.
func (c *Caches) touch(found *actions.Cache) {
	id, now := found.ID, c.now()
	c.store.Soon("cache "+strconv.FormatInt(id, 10), func(ctx context.Context, tx *store.Tx) error {
		return tx.TouchCache(ctx, id, now)
	})
}

// Delete removes the caches that match, with their bytes, and returns them.
func (c *Caches) Delete(ctx context.Context, f store.CacheFilter) ([]*actions.Cache, error) {
	var gone []*actions.Cache
	for {
		var list []*actions.Cache
		err := c.store.Update(ctx, func(tx *store.Tx) (err error) {
			if list, _, err = tx.Caches(ctx, f, store.Page{Number: 1, Size: batch}); err != nil {
				return err
			}
			return c.removeFor(ctx, tx, list)
		})
		if err != nil {
			return gone, err
		}
		if gone = append(gone, list...); len(list) < batch {
			c.log.InfoContext(ctx, "caches deleted", "repo", f.RepoID, "caches", len(gone))
			return gone, nil
		}
	}
}

// DeleteOne removes the cache of a repository with the given id and its bytes.
func (c *Caches) DeleteOne(ctx context.Context, repoID, id int64) error {
	return c.store.Update(ctx, func(tx *store.Tx) error {
		found, err := tx.RepoCache(ctx, repoID, id)
		if err != nil {
			return err
		}
		return c.removeFor(ctx, tx, []*actions.Cache{found})
	})
}

// removeFor is remove for somebody who asked for it, whom the audit log names.
func (c *Caches) removeFor(ctx context.Context, tx *store.Tx, list []*actions.Cache) error {
	for _, e := range list {
		repo, err := tx.Repository(ctx, e.RepoID)
		if err != nil {
			return err
		}
		err = tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditCacheDelete}.InRepo(repo).With("actions_cache_id", strconv.FormatInt(e.ID, 10)).
			With("actions_cache_key", e.Key).With("actions_cache_version", e.Version).With("actions_cache_scope", e.Scope))
		if err != nil {
			return err
		}
	}
	return c.remove(ctx, tx, list)
}

// remove deletes caches and their bytes, which are gone when the update returns.
func (c *Caches) remove(ctx context.Context, tx *store.Tx, list []*actions.Cache) error {
	ids := make([]int64, len(list))
	for i, e := range list {
		if err := tx.DeleteCache(ctx, e); err != nil {
			return err
		}
		ids[i] = e.ObjectID
	}
	return c.objects.Drop(ctx, tx, ids...)
}
