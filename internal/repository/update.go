package repository

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Change is what becomes of a repository. What is nil stays as it is.
type Change struct {
	Name          *string // only the one it has: a repository cannot be renamed
	Description   *string
	Private       *bool
	DefaultBranch *string // short name of a branch that exists
}

// Update changes a repository and returns what it is then. It does all of the
// change or nothing: what cannot be is an [actions.FieldError]. Should git's HEAD
// fail to follow a new default branch, that is the error, and the row is
// committed; the same change again, or the next start, moves HEAD.
func (s *Repositories) Update(ctx context.Context, id int64, c Change) (*actions.Repository, error) {
	if err := s.check(ctx, id, c); err != nil {
		return nil, err
	}
	var repo *actions.Repository
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if repo, err = tx.Repository(ctx, id); err != nil {
			return err
		}
		set(&repo.Description, c.Description)
		set(&repo.Private, c.Private)
		set(&repo.DefaultBranch, c.DefaultBranch)
		repo.UpdatedAt = s.now()
		return tx.UpdateRepository(ctx, repo)
	})
	if err != nil {
		return nil, err
	}
	if c.DefaultBranch != nil {
		if err := s.moveHead(context.WithoutCancel(ctx), id); err != nil {
			return nil, err
		}
	}
	return repo, nil
}

// check says whether all of a change can be done.
func (s *Repositories) check(ctx context.Context, id int64, c Change) error {
	repo, err := s.store.Repository(ctx, id)
	if err != nil {
		return err
	}
	if c.Name != nil && *c.Name != repo.Name {
		return inField("name", actions.Errorf(actions.Invalid, "a repository cannot be renamed here"))
	}
	if c.Description != nil {
		if err := inField("description", actions.CheckLine("description", *c.Description)); err != nil {
			return err
		}
	}
	if c.DefaultBranch != nil && *c.DefaultBranch != repo.DefaultBranch {
		return inField("default_branch", s.checkBranch(ctx, id, *c.DefaultBranch))
	}
	return nil
}

// checkBranch says whether a repository has a branch.
func (s *Repositories) checkBranch(ctx context.Context, id int64, branch string) error {
	if err := actions.CheckBranch(branch); err != nil {
		return err
	}
	_, err := s.git.Resolve(ctx, id, actions.BranchPrefix+branch)
	if actions.KindOf(err) == actions.NotFound {
		return actions.Errorf(actions.Invalid, "The branch %s was not found. Please push that ref first or create it via the Git Data API.", branch)
	}
	return err
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
