package repository

import (
	"cmp"
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Change is what becomes of a repository. What is nil stays as it is.
type Change struct {
	Name          *string
	Description   *string
	Homepage      *string
	Topics        []string // all that there are then
	Visibility    *string  // GitHub's word
	Private       *bool    // counts less than Visibility
	Archived      *bool
	DefaultBranch *string // short name of a branch that exists

	Options func(*actions.RepositoryOptions) error // changes them; it may be called again
}

// Update changes a repository and returns what it is then. It does all of the
// change or nothing: what cannot be is an [actions.FieldError]. An archived repository
// changes when the change ends that. Should git's HEAD
// fail to follow a new default branch, that is the error, and the row is
// committed; the same change again, or the next start, moves HEAD. That workflows and
// schedules are those of a new default branch is noted with the change: package trigger does it.
func (s *Repositories) Update(ctx context.Context, id int64, c Change) (*actions.Repository, error) {
	if err := s.check(ctx, id, &c); err != nil {
		return nil, err
	}
	var repo *actions.Repository
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if repo, err = tx.Repository(ctx, id); err != nil {
			return err
		}
		was := repo.DefaultBranch
		if err := c.apply(repo); err != nil {
			return err
		}
		repo.UpdatedAt = s.now()
		if repo.DefaultBranch != was {
			if err := s.noteDefault(ctx, tx, repo, was); err != nil {
				return err
			}
		}
		if c.Name != nil && *c.Name != repo.Name {
			if err := tx.RenameRepository(ctx, repo, *c.Name, repo.UpdatedAt); err != nil {
				return inField("name", err)
			}
		}
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

// noteDefault notes that a repository has another default branch than it had.
func (s *Repositories) noteDefault(ctx context.Context, tx *store.Tx, repo *actions.Repository, was string) error {
	return tx.CreateHappening(ctx, &actions.Push{
		RepoID: repo.ID, ActorID: cmp.Or(actions.ActorOf(ctx).AccountID, repo.Owner.ID), CreatedAt: repo.UpdatedAt,
		Happening: &actions.Happening{Name: "repository", Action: "edited", DefaultWas: was},
	}, nil)
}

// check says whether all of a change can be done.
func (s *Repositories) check(ctx context.Context, id int64, c *Change) error {
	repo, err := s.store.Repository(ctx, id)
	if err != nil {
		return err
	}
	branch := repo.DefaultBranch
	if err := c.apply(repo); err != nil {
		return err
	}
	if c.Name != nil {
		name := actions.RepositoryName(*c.Name)
		if err := inField("name", actions.CheckRepositoryName(name)); err != nil {
			return err
		}
		c.Name = &name
	}
	if repo.DefaultBranch != branch {
		return inField("default_branch", s.checkBranch(ctx, id, repo.DefaultBranch))
	}
	return nil
}

// apply makes the change to a repository, but for its name, and says what cannot be.
func (c *Change) apply(repo *actions.Repository) error {
	if repo.Archived && (c.Archived == nil || *c.Archived) {
		return actions.ErrArchived
	}
	set(&repo.Description, c.Description)
	set(&repo.Homepage, c.Homepage)
	set(&repo.Archived, c.Archived)
	set(&repo.DefaultBranch, c.DefaultBranch)
	if c.Topics != nil {
		repo.Topics = c.Topics
	}
	switch {
	case c.Visibility != nil:
		if err := repo.SetVisibility(*c.Visibility); err != nil {
			return err
		}
	case c.Private != nil && *c.Private != repo.Private: // what is internal is private
		repo.Private, repo.Internal = *c.Private, false
	}
	if c.Options != nil {
		if err := c.Options(&repo.Options); err != nil {
			return err
		}
	}
	return checkSettings(repo)
}

// checkSettings says whether what people have set of a repository may be so.
func checkSettings(repo *actions.Repository) error {
	if err := inField("description", actions.CheckLine("description", repo.Description)); err != nil {
		return err
	}
	if err := inField("homepage", actions.CheckLine("homepage", repo.Homepage)); err != nil {
		return err
	}
	if !repo.Options.AllowForking && repo.Owner.Type != actions.Organization {
		return inField("allow_forking", actions.Errorf(actions.Invalid, "Allow forks can only be changed on org-owned repositories"))
	}
	return repo.Options.Check()
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
