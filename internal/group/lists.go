package group

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Group returns a group of a scope; [actions.DefaultGroupID] is its default one. One of
// another scope is NotFound.
func (g *Groups) Group(ctx context.Context, sc actions.Scope, id int64) (*actions.RunnerGroup, error) {
	group, err := g.store.RunnerGroup(ctx, sc, id)
	if err != nil || !group.Default() {
		return group, err
	}
	group.AllowsPublic, err = g.AllowsPublic(ctx, sc)
	return group, err
}

// OfOrganization lists the groups of an organization, the default one first, and behind
// them those of the enterprise that it may use, less the default one of that: it would
// have the same number. With a repository it lists those that some of its jobs may use.
func (g *Groups) OfOrganization(ctx context.Context, orgID int64, repo *actions.Repository) ([]*actions.RunnerGroup, error) {
	repoID := int64(0)
	if repo != nil {
		repoID = repo.ID
	}
	var list []*actions.RunnerGroup
	for _, sc := range []actions.Scope{{OwnerID: orgID}, {}} {
		groups, err := g.seenBy(ctx, sc, orgID, repoID)
		if err != nil {
			return nil, err
		}
		for _, s := range groups {
			shared := sc.OwnerID == 0
			if shared && (s.Default() || !s.access.For(orgID)) || repo != nil && !s.access.Lets(repo) {
				continue
			}
			list = append(list, s.RunnerGroup)
		}
	}
	return list, nil
}

// OfEnterprise lists the groups of the enterprise, the default one first. With an
// organization it lists those that this may use.
func (g *Groups) OfEnterprise(ctx context.Context, org *actions.Account) ([]*actions.RunnerGroup, error) {
	orgID := int64(0)
	if org != nil {
		orgID = org.ID
	}
	groups, err := g.seenBy(ctx, actions.Scope{}, orgID, 0)
	if err != nil {
		return nil, err
	}
	var list []*actions.RunnerGroup
	for _, s := range groups {
		if org == nil || s.access.For(orgID) {
			list = append(list, s.RunnerGroup)
		}
	}
	return list, nil
}

// Shared returns a group of the enterprise that an organization may use and lists; any
// other is NotFound.
func (g *Groups) Shared(ctx context.Context, orgID, id int64) (*actions.RunnerGroup, error) {
	group, err := g.store.RunnerGroup(ctx, actions.Scope{}, id)
	if err != nil {
		return nil, err
	}
	a, err := g.access(ctx, actions.Scope{}, id)
	if err == nil && (group.Default() || !a.For(orgID)) {
		err = actions.Errorf(actions.NotFound, "runner group %d", id)
	}
	return group, err
}

// Repositories lists a page of the repositories that a group of an organization is for
// where they are selected, and how many there are.
func (g *Groups) Repositories(ctx context.Context, sc actions.Scope, id int64, p store.Page) ([]*actions.Repository, int, error) {
	group, err := g.store.RunnerGroup(ctx, sc, id)
	if err != nil {
		return nil, 0, err
	}
	return g.store.SelectedRepositories(ctx, store.GroupSelection(group), p)
}

// Organizations lists a page of those that a group of the enterprise is for where they
// are selected, and how many there are.
func (g *Groups) Organizations(ctx context.Context, id int64, p store.Page) ([]*actions.Account, int, error) {
	if _, err := g.store.RunnerGroup(ctx, actions.Scope{}, id); err != nil {
		return nil, 0, err
	}
	return g.store.GroupOrganizations(ctx, id, p)
}

// Organization returns the organization of that login. What is none is NotFound.
func (g *Groups) Organization(ctx context.Context, login string) (*actions.Account, error) {
	a, err := g.store.AccountByLogin(ctx, login)
	if err == nil && a.Type != actions.Organization {
		err = actions.Errorf(actions.NotFound, "organization %s", login)
	}
	return a, err
}
