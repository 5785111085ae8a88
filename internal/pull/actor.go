package pull

import (
	"context"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/shape"
)

// An Ability is what somebody may do in a repository, as far as pull requests go by it.
type Ability int

// The abilities.
const (
	See    Ability = iota // know of the repository
	Push                  // move its branches
	Manage                // change pull requests of others
	Triage                // ask for reviews
)

// An Actor is who does something to a pull request.
type Actor struct {
	Account *actions.Account
	ByJob   bool // with a job's token
	Base    shape.Base
	May     func(context.Context, *actions.Repository, Ability) (bool, error)

	// Push is what a push of theirs does; one that merges a pull request, unless that is nil.
	Push func(*actions.Repository, *actions.Pull) repository.PushFunc
}

// mayChange refuses who has neither made a pull request nor may push.
func (a Actor) mayChange(ctx context.Context, repo *actions.Repository, p *actions.Pull) error {
	if a.Account.ID == p.Author.ID {
		return nil
	}
	may, err := a.May(ctx, repo, Manage)
	if err == nil && !may {
		err = errNotWriter
	}
	return err
}

var errNotWriter = actions.Errorf(actions.Forbidden, "Must have write access to Repository.")

var errHasNone = actions.Errorf(actions.Gone, "Pull requests are disabled for this repo")

// mayCreate refuses who may not make pull requests in a repository.
func (a Actor) mayCreate(ctx context.Context, repo *actions.Repository) error {
	if !repo.Options.HasPullRequests {
		return errHasNone
	}
	if repo.Options.PullRequestCreationPolicy != "collaborators_only" {
		return nil
	}
	may, err := a.May(ctx, repo, Push)
	if err == nil && !may {
		err = actions.Errorf(actions.Forbidden, "Pull request creation is restricted to collaborators in this repository")
	}
	return err
}

// from is the repository of a request's head, to which the actor must be able to push.
func (s *Pulls) from(ctx context.Context, by Actor, repo *actions.Repository, owner, name string) (*actions.Repository, error) {
	from := repo
	if owner != "" || name != "" {
		var err error
		from, err = s.headRepository(ctx, by, repo, owner, name)
		if actions.KindOf(err) == actions.NotFound {
			return nil, actions.BadField(Resource, "head")
		}
		if err != nil {
			return nil, err
		}
	}
	may, err := by.May(ctx, from, Push)
	if err == nil && !may {
		err = actions.InField(Resource, "", actions.Errorf(actions.Invalid, "must be a collaborator"))
	}
	return from, err
}

// headRepository is the repository of an owner in the network of another, which the actor
// may see.
func (s *Pulls) headRepository(ctx context.Context, by Actor, repo *actions.Repository, owner, name string) (*actions.Repository, error) {
	var found *actions.Repository
	if name != "" {
		if owner == "" {
			owner = repo.Owner.Login
		}
		var err error
		if found, err = s.Store.RepositoryByName(ctx, owner, name); err != nil {
			return nil, err
		}
	} else {
		account, err := s.Store.AccountByLogin(ctx, owner)
		if err != nil {
			return nil, err
		}
		if account.ID == repo.Owner.ID {
			return repo, nil
		}
		if found, err = s.Store.ForkOf(ctx, repo.NetworkID, account.ID); err != nil {
			return nil, err
		}
	}
	may, err := by.May(ctx, found, See)
	if err == nil && (!may || found.NetworkID != repo.NetworkID) {
		err = actions.Errorf(actions.NotFound, "Not Found")
	}
	return found, err
}

// ParseHead reads the head of a pull request, "branch" or "owner:branch".
func ParseHead(text string) (owner, branch string) {
	if owner, branch, ok := strings.Cut(text, ":"); ok {
		return owner, branch
	}
	return "", text
}
