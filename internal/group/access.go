package group

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Access is what the group of a runner is for, by the scope and the GroupID of the
// runner. A group that is not there is NotFound.
func (g *Groups) Access(ctx context.Context, r *actions.Runner) (*actions.Access, error) {
	if r.Scope.RepoID != 0 {
		return ownAccess(r), nil
	}
	id := r.GroupID
	if id == 0 {
		id = actions.DefaultGroupID
	}
	return g.access(ctx, r.Scope, id)
}

// ownAccess is what a runner of a repository is for.
func ownAccess(r *actions.Runner) *actions.Access {
	return &actions.Access{GroupID: actions.DefaultGroupID, Scope: r.Scope, Name: actions.DefaultGroup, Public: true}
}

// access is what a group of a scope is for: from memory, if nothing has changed.
func (g *Groups) access(ctx context.Context, sc actions.Scope, id int64) (*actions.Access, error) {
	k, revision := key{sc, id}, g.store.Revision(store.GroupsTopic(), store.SettingsTopic(), store.AccessTopic())
	if a, ok := g.known.GetAt(k, revision); ok {
		return a, nil
	}
	group, err := g.Group(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	a := newAccess(group)
	switch {
	case a.ByOrg:
		a.Orgs, err = g.store.GroupOrganizationIDs(ctx, id)
	case a.ByRepo:
		a.Repos, err = g.store.SelectedIDs(ctx, store.GroupSelection(group))
	}
	if err != nil {
		return nil, err
	}
	size := 1 + len(a.Orgs) + len(a.Repos)
	for _, text := range a.Workflows {
		size += 2 + len(text)/8
	}
	g.known.PutAt(k, a, size, revision)
	return a, nil
}

// newAccess is what a group is for, without what is selected for it.
func newAccess(group *actions.RunnerGroup) *actions.Access {
	selected, ofOrg := group.Visibility == actions.GroupForSelected, group.Scope.OwnerID != 0
	return &actions.Access{
		GroupID: group.ID, Scope: group.Scope, Name: group.Name, Restricted: group.Restricted, Workflows: group.Workflows,
		Public: group.AllowsPublic && group.Visibility != actions.GroupForPrivate,
		ByRepo: selected && ofOrg, ByOrg: selected && !ofOrg,
	}
}

// A seen is a group, and what it is for as far as one organization and one of its
// repositories see it: nothing else is selected for it.
type seen struct {
	*actions.RunnerGroup
	access *actions.Access
}

// seenBy are the groups of a scope as an organization sees them, and, unless that is 0, one
// of its repositories. However many there are, it asks a few times.
func (g *Groups) seenBy(ctx context.Context, sc actions.Scope, orgID, repoID int64) ([]seen, error) {
	groups, err := g.store.RunnerGroups(ctx, sc)
	if err != nil {
		return nil, err
	}
	if groups[0].AllowsPublic, err = g.AllowsPublic(ctx, sc); err != nil {
		return nil, err
	}
	var chosen []int64
	if sc.OwnerID == 0 {
		chosen, err = g.store.GroupsOfOrganization(ctx, orgID)
	} else if repoID != 0 {
		chosen, err = g.store.GroupsOfRepository(ctx, sc.OwnerID, repoID)
	}
	if err != nil {
		return nil, err
	}
	selects := make(map[int64]bool, len(chosen))
	for _, id := range chosen {
		selects[id] = true
	}
	list := make([]seen, len(groups))
	for i, group := range groups {
		a := newAccess(group)
		switch {
		case a.ByOrg && selects[group.ID]:
			a.Orgs = []int64{orgID}
		case a.ByRepo && selects[group.ID]:
			a.Repos = []int64{repoID}
		}
		list[i] = seen{group, a}
	}
	return list, nil
}
