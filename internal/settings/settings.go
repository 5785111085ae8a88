// Package settings is what a repository sets for itself.
//
// A setting that nobody has made is zero in the repository's row, and stands for
// what the operator of the server said. A change counts for what happens after it:
// what is kept already keeps the time that it was given.
package settings

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Settings is safe for concurrent use.
type Settings struct {
	store        *store.Store
	artifactDays int
}

// New makes settings on a store. artifactDays is how long artifacts are kept where
// a repository says nothing.
func New(st *store.Store, artifactDays int) *Settings {
	return &Settings{st, artifactDays}
}

// Retention is how long the repository's artifacts are kept, and could be.
func (s *Settings) Retention(ctx context.Context, repoID int64) (actions.Retention, error) {
	repo, err := s.store.Repository(ctx, repoID)
	if err != nil {
		return actions.Retention{}, err
	}
	return repo.Retention(s.artifactDays), nil
}

// SetRetention sets for how many days artifacts to come are kept. More than the
// repository may have is Invalid.
func (s *Settings) SetRetention(ctx context.Context, repoID int64, days int) error {
	return s.change(ctx, repoID, func(repo *actions.Repository) error {
		if err := repo.Retention(s.artifactDays).Check(days); err != nil {
			return err
		}
		repo.ArtifactDays = days
		return nil
	})
}

// SetCacheDays sets for how many days a cache is kept that nobody reads.
func (s *Settings) SetCacheDays(ctx context.Context, repoID int64, days int) error {
	return s.change(ctx, repoID, func(repo *actions.Repository) error {
		repo.CacheDays = days
		return nil
	})
}

// SetCacheGB sets how many gigabytes the repository's caches may hold together.
func (s *Settings) SetCacheGB(ctx context.Context, repoID int64, gigabytes int) error {
	return s.change(ctx, repoID, func(repo *actions.Repository) error {
		repo.CacheGB = gigabytes
		return nil
	})
}

// change saves what set makes of the repository.
func (s *Settings) change(ctx context.Context, repoID int64, set func(*actions.Repository) error) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		repo, err := tx.Repository(ctx, repoID)
		if err != nil {
			return err
		}
		if err := set(repo); err != nil {
			return err
		}
		return tx.UpdateRepository(ctx, repo)
	})
}
