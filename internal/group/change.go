package group

import (
	"context"
	"slices"

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

// Groups lists the groups of a scope, the default one first, and for an organization
// those of the enterprise behind them that it may use.
func (g *Groups) Groups(ctx context.Context, sc actions.Scope) ([]*actions.RunnerGroup, error) {
	list, err := g.store.RunnerGroups(ctx, sc)
	if err != nil {
		return nil, err
	}
	if list[0].AllowsPublic, err = g.AllowsPublic(ctx, sc); err != nil || sc.OwnerID == 0 {
		return list, err
	}
	shared, err := g.store.RunnerGroups(ctx, actions.Scope{})
	if err != nil {
		return nil, err
	}
	for _, group := range shared {
		is, err := g.Inherits(ctx, sc, group)
		if err != nil {
			return nil, err
		}
		if is {
			list = append(list, group)
		}
	}
	return list, nil
}

// Inherits says whether a group is one of the enterprise that an organization may use and
// lists. The default one is not listed: it has the number of the organization's own.
func (g *Groups) Inherits(ctx context.Context, sc actions.Scope, group *actions.RunnerGroup) (bool, error) {
	if sc.OwnerID == 0 || group.Scope.OwnerID != 0 || group.Default() {
		return false, nil
	}
	a, err := g.accessOf(ctx, group.Scope, group.ID)
	if err != nil {
		return false, err
	}
	return !a.ByOrg || a.Orgs[sc.OwnerID], nil
}

// Admits says whether a group may be used by a repository, by any of its workflows.
func (g *Groups) Admits(ctx context.Context, group *actions.RunnerGroup, repo *actions.Repository) (bool, error) {
	a, err := g.accessOf(ctx, group.Scope, group.ID)
	if err != nil {
		return false, err
	}
	any := *a
	any.Restricted = false
	return any.Admits(&actions.Work{RepoID: repo.ID, OwnerID: repo.Owner.ID, Public: !repo.Private}), nil
}

// For says whether an organization, by its name, may use a group of the enterprise.
func (g *Groups) For(ctx context.Context, group *actions.RunnerGroup, login string) (bool, error) {
	org, err := g.store.AccountByLogin(ctx, login)
	if actions.KindOf(err) == actions.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	a, err := g.accessOf(ctx, group.Scope, group.ID)
	return err == nil && (!a.ByOrg || a.Orgs[org.ID]), err
}

// A Start is what a new group has from its beginning. Nil is nothing.
type Start struct {
	Repositories  []int64 // of a group of an organization that is for selected ones
	Organizations []int64 // of a group of the enterprise that is for selected ones
	Runners       []int64 // of its scope
}

// Create makes a group.
func (g *Groups) Create(ctx context.Context, group *actions.RunnerGroup, with Start) error {
	if err := group.Check(); err != nil {
		return err
	}
	group.CreatedAt = g.now()
	return g.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateRunnerGroup(ctx, group); err != nil {
			return err
		}
		if with.Repositories != nil && group.Scope.OwnerID != 0 {
			if err := tx.ChangeSelection(ctx, store.GroupSelection(group), actions.SelectionChange{Set: with.Repositories}); err != nil {
				return err
			}
		}
		if with.Organizations != nil && group.Scope.OwnerID == 0 {
			if err := tx.SetGroupOrganizations(ctx, group, with.Organizations); err != nil {
				return err
			}
		}
		if with.Runners != nil {
			return tx.SetGroupRunners(ctx, group, with.Runners)
		}
		return nil
	})
}

// Update changes a group of a scope as change says.
func (g *Groups) Update(ctx context.Context, sc actions.Scope, id int64, change func(*actions.RunnerGroup)) error {
	before, err := g.Group(ctx, sc, id)
	if err != nil {
		return err
	}
	var after *actions.RunnerGroup
	err = g.store.Update(ctx, func(tx *store.Tx) error {
		group, err := tx.RunnerGroup(ctx, sc, id)
		if err != nil {
			return err
		}
		if group.Default() {
			group.AllowsPublic, group.CreatedAt = before.AllowsPublic, g.now()
		}
		was := *group
		change(group)
		if after = group; same(&was, group) {
			return nil
		}
		if err := group.Check(); err != nil {
			return err
		}
		return tx.UpdateRunnerGroup(ctx, group)
	})
	if err != nil || !after.Default() || after.AllowsPublic == before.AllowsPublic {
		return err
	}
	return g.setPublic(ctx, sc, after.AllowsPublic)
}

func same(a, b *actions.RunnerGroup) bool {
	return a.Name == b.Name && a.Visibility == b.Visibility && a.AllowsPublic == b.AllowsPublic && a.Restricted == b.Restricted &&
		slices.Equal(a.Workflows, b.Workflows)
}

// Delete removes a group of a scope, which is not the default one. Its runners are in that
// from then on.
func (g *Groups) Delete(ctx context.Context, sc actions.Scope, id int64) error {
	if id == actions.DefaultGroupID {
		return actions.Errorf(actions.Invalid, "The default runner group cannot be deleted")
	}
	return g.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRunnerGroup(ctx, sc, id) })
}

// SetRunners makes runners of its scope those of a group.
func (g *Groups) SetRunners(ctx context.Context, sc actions.Scope, id int64, runners []int64) error {
	return g.change(ctx, sc, id, func(tx *store.Tx, group *actions.RunnerGroup) error { return tx.SetGroupRunners(ctx, group, runners) })
}

// AddRunner puts a runner of its scope into a group.
func (g *Groups) AddRunner(ctx context.Context, sc actions.Scope, id, runnerID int64) error {
	return g.change(ctx, sc, id, func(tx *store.Tx, group *actions.RunnerGroup) error { return tx.AddGroupRunner(ctx, group, runnerID) })
}

// RemoveRunner puts a runner of a group into the default one. One of another group is
// NotFound.
func (g *Groups) RemoveRunner(ctx context.Context, sc actions.Scope, id, runnerID int64) error {
	return g.change(ctx, sc, id, func(tx *store.Tx, group *actions.RunnerGroup) error {
		r, err := tx.Runner(ctx, runnerID)
		if err != nil {
			return err
		}
		if r.Scope != sc || r.GroupID != id {
			return actions.Errorf(actions.NotFound, "runner %d is not in the group", runnerID)
		}
		return tx.RemoveGroupRunner(ctx, group, runnerID)
	})
}

// ChangeRepositories changes which repositories of its organization a group is for. It is
// a Conflict unless the group is for selected ones.
func (g *Groups) ChangeRepositories(ctx context.Context, sc actions.Scope, id int64, c actions.SelectionChange) error {
	return g.change(ctx, sc, id, func(tx *store.Tx, group *actions.RunnerGroup) error {
		if err := selects(group); err != nil {
			return err
		}
		return tx.ChangeSelection(ctx, store.GroupSelection(group), c)
	})
}

// ChangeOrganizations changes which organizations a group of the enterprise is for. It is
// a Conflict unless the group is for selected ones.
func (g *Groups) ChangeOrganizations(ctx context.Context, id int64, c actions.SelectionChange) error {
	return g.change(ctx, actions.Scope{}, id, func(tx *store.Tx, group *actions.RunnerGroup) error {
		err := selects(group)
		switch {
		case err != nil:
			return err
		case c.Set != nil:
			return tx.SetGroupOrganizations(ctx, group, c.Set)
		case c.Add != 0:
			return tx.AddGroupOrganization(ctx, group, c.Add)
		}
		return tx.RemoveGroupOrganization(ctx, group, c.Remove)
	})
}

func selects(group *actions.RunnerGroup) error {
	if group.Visibility != actions.GroupForSelected {
		return actions.Errorf(actions.Conflict, "The visibility of the runner group is %s, not selected", group.Visibility)
	}
	return nil
}

// change does something to a group of a scope, together.
func (g *Groups) change(ctx context.Context, sc actions.Scope, id int64, do func(tx *store.Tx, group *actions.RunnerGroup) error) error {
	return g.store.Update(ctx, func(tx *store.Tx) error {
		group, err := tx.RunnerGroup(ctx, sc, id)
		if err != nil {
			return err
		}
		return do(tx, group)
	})
}

// Repositories lists a page of the repositories that a group of an organization is for
// where they are selected.
func (g *Groups) Repositories(ctx context.Context, sc actions.Scope, id int64, p store.Page) ([]*actions.Repository, int, error) {
	group, err := g.store.RunnerGroup(ctx, sc, id)
	if err != nil {
		return nil, 0, err
	}
	return g.store.SelectedRepositories(ctx, store.GroupSelection(group), p)
}

// Organizations are those that a group of the enterprise is for where they are selected.
func (g *Groups) Organizations(ctx context.Context, id int64) ([]*actions.Account, error) {
	if _, err := g.store.RunnerGroup(ctx, actions.Scope{}, id); err != nil {
		return nil, err
	}
	return g.store.GroupOrganizations(ctx, id)
}
