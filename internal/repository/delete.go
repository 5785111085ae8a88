package repository

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/store"
)

// Delete removes a repository with all that belongs to it: first end ends what runs
// there, then its row goes, and then its files. Should the files resist, or the server
// die, they go at the next start or the next day; nobody reaches them meanwhile, and no
// other repository gets the id.
func (s *Repositories) Delete(ctx context.Context, id int64, end func(ctx context.Context, repoID int64) error) error {
	if err := end(ctx, id); err != nil {
		return err
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRepository(ctx, id, s.now()) })
	if err != nil {
		return err
	}
	s.log.InfoContext(ctx, "repository deleted", "repo", id)
	if err := s.deleteFiles(context.WithoutCancel(ctx), id); err != nil {
		s.log.WarnContext(ctx, "files of a deleted repository not removed yet", "repo", id, "err", err)
	}
	return nil
}

func (s *Repositories) deleteFiles(ctx context.Context, id int64) error {
	if err := s.git.Delete(ctx, id); err != nil {
		return fmt.Errorf("repository %d: %w", id, err)
	}
	return s.store.FilesDeleted(ctx, id)
}

// deleteLeftFiles removes the files of repositories that are deleted.
func (s *Repositories) deleteLeftFiles(ctx context.Context) {
	ids, err := s.store.DeletedRepositories(ctx)
	for _, id := range ids {
		if e := s.deleteFiles(ctx, id); e != nil {
			err = e
		}
	}
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "files of deleted repositories not removed yet", "err", err)
	}
}
