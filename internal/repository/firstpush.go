package repository

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/store"
)

// BeforePush refuses a push to a repository that was archived since it began, and makes
// a branch the default one when a push brings a repository its first
// branches, and the default one is not among them: else clones of it would check out
// nothing. It is called where nobody else moves refs of the repository (Check of
// gitrepo.ReceiveOptions), with the view from there. Should git refuse the branch in
// the end, the repository is empty, and its next push is its first.
func (s *Repositories) BeforePush(ctx context.Context, id int64, updates []actions.RefUpdate, view *gitrepo.View) error {
	repo, err := s.store.Repository(ctx, id)
	if err != nil {
		return err
	}
	if repo.Archived {
		return actions.ErrArchived
	}
	branches := created(updates)
	if len(branches) == 0 || slices.Contains(branches, repo.DefaultBranch) {
		return nil
	}
	if refs, err := view.Refs(ctx, actions.BranchPrefix); err != nil || len(refs) > 0 {
		return err
	}
	branch := branches[0]
	for _, usual := range []string{"master", defaultBranch} {
		if slices.Contains(branches, usual) {
			branch = usual
		}
	}
	if err := view.SetHead(branch); err != nil { // first: who fails here is to find nothing done when he tries again
		return fmt.Errorf("repository %d: HEAD: %w", id, err)
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		repo, err := tx.Repository(ctx, id)
		if err != nil {
			return err
		}
		repo.DefaultBranch, repo.UpdatedAt = branch, s.now()
		return tx.UpdateRepository(ctx, repo)
	})
	if err != nil {
		return err
	}
	s.log.InfoContext(ctx, "first push sets the default branch", "repo", id, "branch", branch)
	return nil
}

// created are the short names of the branches that are new, in the order of the push.
func created(updates []actions.RefUpdate) []string {
	var names []string
	for _, u := range updates {
		if name, ok := strings.CutPrefix(u.Ref, actions.BranchPrefix); ok && u.Created() {
			names = append(names, name)
		}
	}
	return names
}
