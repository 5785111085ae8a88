package auth

import (
	"context"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Repository returns owner/name, in any case, or NotFound. A repository that was renamed
// is found by the names that it had, too, unless another has one of them now: see [Renamed].
// Whether the caller may see it, [Auth.Can] says. The result is shared and not to be changed.
func (a *Auth) Repository(ctx context.Context, owner, name string) (*actions.Repository, error) {
	if !actions.CanBeName(owner) || !actions.CanBeName(name) {
		return nil, actions.Errorf(actions.NotFound, "no repository can have that name")
	}
	key := repositoryName{strings.ToLower(owner), strings.ToLower(name)}
	revision := a.store.Revision(store.AccessTopic(), store.RecordTopic(0))
	return a.repositories.FindAt(key, revision, func() (*actions.Repository, error) {
		repo, err := a.store.RepositoryByName(ctx, owner, name)
		if actions.KindOf(err) == actions.NotFound {
			repo, err = a.store.RepositoryByFormerName(ctx, owner, name)
		}
		return repo, err
	})
}

// Renamed says whether a repository was found by a name that it has no more.
func Renamed(repo *actions.Repository, name string) bool { return !strings.EqualFold(repo.Name, name) }

// Permission is what the caller may do with a repository: what the account may,
// bounded by the token.
func (a *Auth) Permission(ctx context.Context, c *Caller, repo *actions.Repository) (actions.Permission, error) {
	if c.Anonymous() {
		return public(repo), nil
	}
	if c.Token.Kind == actions.JobToken {
		if c.Token.RepoID == repo.ID {
			return actions.Write, nil // its permissions say for what: see Can
		}
		return public(repo), nil
	}
	p, err := a.AccountPermission(ctx, c.Account, repo)
	if err != nil {
		return actions.NoAccess, err
	}
	return min(p, most(c.Token, repo)), nil
}

// OwnerPermission is what the caller, who administers the organization of a repository,
// may do with that: everything, bounded by the token.
func (c *Caller) OwnerPermission(repo *actions.Repository) actions.Permission {
	return most(c.Token, repo)
}

// AccountPermission is what an account may do with a repository, whatever its
// tokens may.
func (a *Auth) AccountPermission(ctx context.Context, account *actions.Account, repo *actions.Repository) (actions.Permission, error) {
	switch {
	case account.Suspended:
		return actions.NoAccess, nil
	case account.SiteAdmin, account.ID == repo.Owner.ID:
		return actions.Admin, nil
	}
	key := permissionKey{account.ID, repo.ID}
	revision := a.store.Revision(store.AccessTopic())
	p, err := a.permissions.FindAt(key, revision, func() (actions.Permission, error) { return a.given(ctx, account, repo) })
	if err != nil {
		return actions.NoAccess, err
	}
	if repo.Internal {
		return max(p, actions.Read), nil
	}
	return max(p, public(repo)), nil
}

// given is what an account may by its organization or as a collaborator.
func (a *Auth) given(ctx context.Context, account *actions.Account, repo *actions.Repository) (actions.Permission, error) {
	if repo.Owner.Type == actions.Organization {
		_, owner, err := a.store.Member(ctx, repo.Owner.ID, account.ID)
		if err != nil {
			return actions.NoAccess, err
		}
		if owner {
			return actions.Admin, nil
		}
	}
	return a.store.Collaborator(ctx, repo.ID, account.ID)
}

// public is what everybody may.
func public(repo *actions.Repository) actions.Permission {
	if repo.Private {
		return actions.NoAccess
	}
	return actions.Read
}

// Viewer is what lists of repositories show the caller: what everybody sees, and beyond
// that what their account may read, as far as the token reaches.
func (a *Auth) Viewer(c *Caller) store.Viewer {
	if c.Anonymous() {
		return store.Viewer{}
	}
	v := store.Viewer{AccountID: c.Account.ID, All: c.Account.SiteAdmin, RepoID: c.Token.RepoID}
	switch c.Token.Kind {
	case actions.JobToken: // of the repository, not of an account
		v.AccountID, v.All, v.Private = 0, true, true
	case actions.Classic:
		v.Private = c.HasScope(RepoScope)
	case actions.FineGrained, actions.WebSession:
		v.Private = true
	}
	return v
}
