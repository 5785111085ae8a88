package group

import (
	"context"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

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
			if err := tx.ChangeGroupOrganizations(ctx, group, actions.SelectionChange{Set: with.Organizations}); err != nil {
				return err
			}
		}
		if with.Runners != nil {
			return tx.SetGroupRunners(ctx, group, with.Runners)
		}
		return nil
	})
}

// Update changes a group of a scope as change says, all of it or nothing: what it allows
// must at no moment be more than before and after.
func (g *Groups) Update(ctx context.Context, sc actions.Scope, id int64, change func(*actions.RunnerGroup)) error {
	before, err := g.Group(ctx, sc, id)
	if err != nil {
		return err
	}
	return g.store.Update(ctx, func(tx *store.Tx) error {
		group, err := tx.RunnerGroup(ctx, sc, id)
		if err != nil {
			return err
		}
		if group.Default() {
			group.AllowsPublic, group.CreatedAt = before.AllowsPublic, g.now()
		}
		was := *group
		change(group)
		if same(&was, group) {
			return nil
		}
		if err := group.Check(); err != nil {
			return err
		}
		if group.Default() && group.AllowsPublic != was.AllowsPublic {
			public := settings.Set(settings.PublicRepositories, &group.AllowsPublic)
			if err := g.settings.UpdateIn(ctx, tx, scope(sc), public); err != nil {
				return err
			}
		}
		return tx.UpdateRunnerGroup(ctx, group)
	})
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
		return tx.RemoveGroupRunner(ctx, group, runnerID)
	})
}

// ChangeRepositories changes which repositories of its organization a group is for. It is
// a Conflict unless the group is for selected ones, after the errors of
// [store.Tx.ChangeSelection].
func (g *Groups) ChangeRepositories(ctx context.Context, sc actions.Scope, id int64, c actions.SelectionChange) error {
	return g.change(ctx, sc, id, func(tx *store.Tx, group *actions.RunnerGroup) error {
		if err := tx.ChangeSelection(ctx, store.GroupSelection(group), c); err != nil {
			return err
		}
		return selects(group)
	})
}

// ChangeOrganizations changes which organizations a group of the enterprise is for. It is
// a Conflict unless the group is for selected ones, after the errors of
// [store.Tx.ChangeGroupOrganizations].
func (g *Groups) ChangeOrganizations(ctx context.Context, id int64, c actions.SelectionChange) error {
	return g.change(ctx, actions.Scope{}, id, func(tx *store.Tx, group *actions.RunnerGroup) error {
		if err := tx.ChangeGroupOrganizations(ctx, group, c); err != nil {
			return err
		}
		return selects(group)
	})
}

func selects(group *actions.RunnerGroup) error {
	if group.Visibility != actions.GroupForSelected {
		return actions.Errorf(actions.Conflict, "The visibility of the runner group is %s, not selected", group.Visibility)
	}
	return nil
}

// change does something to a group of a scope, and all of it or nothing.
func (g *Groups) change(ctx context.Context, sc actions.Scope, id int64, do func(tx *store.Tx, group *actions.RunnerGroup) error) error {
	return g.store.Update(ctx, func(tx *store.Tx) error {
		group, err := tx.RunnerGroup(ctx, sc, id)
		if err != nil {
			return err
		}
		return do(tx, group)
	})
}
