package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// An Upload is a cache that a job wants to save.
type Upload struct {
	Key     string
	Version string
	Size    int64 // bytes, as the client expects; 0 for not known
}

// Reserve begins a cache in the scope that the job may write. When the same one is
// live, or another job in progress uploads it, the error is [ErrExists]; what the
// same job had begun starts anew, and what a job that ended left goes. Forbidden
// says that the job may not write; a [*Wait], that the repository uploads too much.
func (c *Caches) Reserve(ctx context.Context, job *actions.Job, scopes []actions.CacheScope, up Upload) (*actions.Cache, error) {
	scope, err := writable(scopes)
	if err = cmp.Or(err, actions.CheckCacheKey(up.Key), actions.CheckCacheVersion(up.Version)); err != nil {
		return nil, err
	}
	limit, err := c.limit(ctx, job.RepoID)
	if err != nil {
		return nil, err
	}
	now := c.now()
	made := &actions.Cache{
		RepoID: job.RepoID, JobID: job.ID, Scope: scope, Key: up.Key, Version: up.Version, CreatedAt: now, LastAccessedAt: now,
	}
	if err := c.rate.take(uploaderOf(made), now); err != nil {
		return nil, err
	}
	// An upload that power loss undoes is begun again.
	err = c.store.UpdateRelaxed(ctx, func(tx *store.Tx) error { return c.reserve(ctx, tx, made, up.Size, limit) })
	if err != nil {
		c.rate.giveBack(uploaderOf(made), now)
		return nil, err
	}
	return made, nil
}

func (c *Caches) reserve(ctx context.Context, tx *store.Tx, made *actions.Cache, size, limit int64) error {
	if err := running(ctx, tx, made.JobID); err != nil {
		return err
	}
	if size < 0 || size > limit {
		return tooLarge(size, limit)
	}
	same, err := tx.SameCaches(ctx, made)
	if err != nil {
		return err
	}
	for _, other := range same {
		if other.Live {
			return ErrExists
		}
		if other.JobID == made.JobID {
			continue
		}
		switch err := running(ctx, tx, other.JobID); actions.KindOf(err) {
		case "":
			return ErrExists
		case actions.Conflict:
		default:
			return err
		}
	}
	if err := c.remove(ctx, tx, same); err != nil {
		return err
	}
	pending, err := tx.CountPendingCaches(ctx, made.JobID)
	if err != nil {
		return err
	}
	if pending >= c.limits.Pending {
		return actions.Errorf(actions.TooMany, "the job has begun %d caches without an end", pending)
	}
	if made.ObjectID, err = c.objects.Begin(ctx, tx, made.RepoID, limit); err != nil {
		return err
	}
	return tx.CreateCache(ctx, made)
}

// writable is the one scope to which the job may save.
func writable(scopes []actions.CacheScope) (string, error) {
	for _, s := range scopes {
		if s.Writes() {
			return s.Scope, nil
		}
	}
	return "", actions.Errorf(actions.Forbidden, wire.CacheWriteDenied+" the job may not write caches")
}

func tooLarge(size, limit int64) error {
	return actions.Errorf(actions.Invalid, "the cache has %d bytes; those of the repository may have %d together", size, limit)
}

// running is Conflict for a job that is over, deleted or not begun.
func running(ctx context.Context, tx *store.Tx, jobID int64) error {
	job, err := tx.Job(ctx, jobID)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return actions.Errorf(actions.Conflict, "job %d is deleted", jobID)
	case err != nil:
		return err
	}
	return actions.Running(job.ID, job.Status)
}

// Uploading returns the cache of a repository whose bytes may come now: it is
// pending, its job is in progress, and there is room.
func (c *Caches) Uploading(ctx context.Context, repoID, id int64) (*actions.Cache, error) {
	limit, err := c.limit(ctx, repoID)
	if err != nil {
		return nil, err
	}
	return c.uploading(ctx, repoID, id, limit)
}

func (c *Caches) uploading(ctx context.Context, repoID, id, limit int64) (*actions.Cache, error) {
	var found *actions.Cache
	err := c.store.View(ctx, func(tx *store.Tx) (err error) {
		if found, err = tx.Cache(ctx, id); err != nil {
			return err
		}
		switch {
		case found.RepoID != repoID:
			return actions.Errorf(actions.NotFound, "cache %d", id)
		case found.Live:
			return actions.Errorf(actions.Conflict, "cache %d is complete", id)
		}
		if err := running(ctx, tx, found.JobID); err != nil {
			return err
		}
		return room(ctx, tx, found, limit)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// room refuses more bytes of a repository whose uploads that are not complete have
// as many as limit, which all its caches may have. Pull requests are counted alone, and so
// are branches. What arrives at the same time may go beyond.
func room(ctx context.Context, tx *store.Tx, e *actions.Cache, limit int64) error {
	bytes, err := tx.PendingCacheBytes(ctx, e.RepoID, e.OfPull())
	if err == nil && bytes > limit {
		err = actions.Errorf(actions.TooMany, "caches that are being uploaded have %d bytes; those of the repository may have %d together", bytes, limit)
	}
	return err
}

// PutRange takes a piece of a cache that the job uploads by offsets. The size is
// -1 or 0 when nobody said it.
func (c *Caches) PutRange(ctx context.Context, job *actions.Job, id, offset int64, r io.Reader, size int64) error {
	limit, err := c.limit(ctx, job.RepoID)
	if err != nil {
		return err
	}
	pending, err := c.uploading(ctx, job.RepoID, id, limit)
	if err == nil && pending.JobID != job.ID {
		err = actions.Errorf(actions.NotFound, "cache %d", id)
	}
	if err != nil {
		return err
	}
	if offset > limit-max(size, 0) {
		return actions.Errorf(actions.Invalid, "a piece of %d bytes at %d is beyond the %d bytes of all caches of the repository", size, offset, limit)
	}
	return c.objects.PutRange(ctx, pending.ObjectID, offset, r, max(size, 0))
}

// Commit completes a cache that the job uploaded by offsets (CACHE-6).
func (c *Caches) Commit(ctx context.Context, job *actions.Job, id, size int64) (*actions.Cache, error) {
	found, err := c.store.Cache(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case found.RepoID != job.RepoID || found.JobID != job.ID:
		return nil, actions.Errorf(actions.NotFound, "cache %d", id)
	case found.Live && found.Size == size:
		return found, nil // the answer was lost
	case found.Live:
		return nil, actions.Errorf(actions.Conflict, "cache %d is complete", id)
	}
	if err := c.objects.CommitRanges(ctx, found.ObjectID, size); err != nil {
		return nil, err
	}
	return c.finish(ctx, found, size)
}

// Finalize completes what the job has uploaded under a key and version. Asked
// again with the same size, it answers the same.
func (c *Caches) Finalize(ctx context.Context, job *actions.Job, scopes []actions.CacheScope, key, version string, size int64) (*actions.Cache, error) {
	scope, err := writable(scopes)
	if err != nil {
		return nil, err
	}
	asked := &actions.Cache{RepoID: job.RepoID, Scope: scope, Key: key, Version: version}
	same, err := c.store.SameCaches(ctx, asked)
	if err != nil {
		return nil, err
	}
	for _, mine := range same {
		switch {
		case mine.JobID != job.ID:
		case !mine.Live:
			return c.finish(ctx, mine, size)
		case mine.Size == size:
			return mine, nil // the answer was lost
		}
	}
	return nil, actions.Errorf(actions.Conflict, "the job uploads no cache with this key and version")
}

// finish makes a pending cache live when all its bytes are on disk. One that is
// refused goes with its bytes.
func (c *Caches) finish(ctx context.Context, pending *actions.Cache, size int64) (*actions.Cache, error) {
	limit, err := c.limit(ctx, pending.RepoID)
	if err != nil {
		return nil, err
	}
	sum, err := c.objects.Finish(ctx, pending.ObjectID)
	if err != nil {
		return nil, fmt.Errorf("cache %d: %w", pending.ID, err)
	}
	done := new(actions.Cache)
	if sum.Size != size {
		err = actions.Errorf(actions.Malformed, "the cache has %d bytes, not %d", sum.Size, size)
	} else {
		err = c.store.Update(ctx, func(tx *store.Tx) (err error) {
			*done = *pending
			return c.seal(ctx, tx, done, sum, limit)
		})
	}
	switch kind := actions.KindOf(err); {
	case err == nil:
	case errors.Is(err, ErrExists), kind == actions.Malformed, kind == actions.Invalid:
		return nil, errors.Join(err, c.discard(ctx, pending.ID))
	default:
		return nil, err
	}
	c.log.InfoContext(ctx, "cache saved", "repo", done.RepoID, "job", done.JobID, "cache", done.ID, "bytes", done.Size)
	if err := c.evict(ctx, done.RepoID, done.ID, done.OfPull(), limit); err != nil {
		c.log.ErrorContext(ctx, "caches not evicted", "repo", done.RepoID, "err", err) // the sweep does it
	}
	return done, nil
}

// seal makes a cache live in tx, where those of the repository have a limit.
func (c *Caches) seal(ctx context.Context, tx *store.Tx, done *actions.Cache, sum object.Sum, limit int64) error {
	if err := running(ctx, tx, done.JobID); err != nil {
		return err
	}
	same, err := tx.SameCaches(ctx, done)
	if err != nil {
		return err
	}
	there := false
	for _, other := range same {
		there = there || other.ID == done.ID
		if other.ID == done.ID && other.Live {
			*done = *other // by the same request, sent twice
			return nil
		}
		if other.Live {
			return ErrExists
		}
	}
	if !there {
		return actions.Errorf(actions.Conflict, "the upload of cache %d was begun anew", done.ID)
	}
	if err := fits(ctx, tx, done, sum.Size, limit); err != nil {
		return err
	}
	if err := c.objects.Seal(ctx, tx, done.ObjectID, sum); err != nil {
		return err
	}
	done.Size, done.LastAccessedAt = sum.Size, c.now()
	return tx.FinishCache(ctx, done)
}

// fits says whether there can be room for a cache once others have gone.
func fits(ctx context.Context, tx *store.Tx, e *actions.Cache, size, limit int64) error {
	if size > limit {
		return tooLarge(size, limit)
	}
	if !e.OfPull() {
		return nil
	}
	used, err := tx.CacheUsage(ctx, e.RepoID)
	if err != nil {
		return err
	}
	if used.Bytes-used.PullBytes+size > limit {
		return actions.Errorf(actions.Invalid, "the caches of branches and tags leave no room for %d bytes of a pull request", size)
	}
	return nil
}

// discard removes a pending cache.
func (c *Caches) discard(ctx context.Context, id int64) error {
	return c.store.Update(ctx, func(tx *store.Tx) error {
		pending, err := tx.Cache(ctx, id)
		if actions.KindOf(err) == actions.NotFound || err == nil && pending.Live {
			return nil
		}
		if err != nil {
			return err
		}
		return c.remove(ctx, tx, []*actions.Cache{pending})
	})
}
