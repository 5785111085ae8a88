package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// The number of a default group is that which people know.
const groupColumns = `case when g.is_default = 1 then 1 else g.id end, g.owner_id, g.name, g.visibility, g.allows_public, g.restricted, g.workflows, g.created_at`

var groupList = db.List[*actions.RunnerGroup]{
	Table: `runner_groups g`, ID: `g.id`, Columns: groupColumns, Scan: scanGroup,
}.Order(`g.id`)

func scanGroup(r db.Row) (*actions.RunnerGroup, error) {
	g := new(actions.RunnerGroup)
	return g, r.Scan(&g.ID, &g.Scope.OwnerID, &g.Name, &g.Visibility, db.Bool(&g.AllowsPublic), db.Bool(&g.Restricted), db.JSON(&g.Workflows), db.Time(&g.CreatedAt))
}

// RunnerGroup returns the runner group of a scope with the given number. Whether the
// default one allows public repositories is a setting, and not in it.
func (q queries) RunnerGroup(ctx context.Context, sc actions.Scope, id int64) (*actions.RunnerGroup, error) {
	list := groupList.Where(`g.owner_id = ?`, sc.OwnerID)
	if id == actions.DefaultGroupID {
		list = list.Where(`g.is_default = 1`)
	} else {
		list = list.Where(`g.is_default = 0 and g.id = ?`, id)
	}
	found, err := list.First(ctx, q.ex, 1)
	switch {
	case err != nil:
		return nil, fmt.Errorf("runner group %d: %w", id, err)
	case len(found) > 0:
		return found[0], nil
	case id == actions.DefaultGroupID:
		return &actions.RunnerGroup{ID: id, Scope: sc, Name: actions.DefaultGroup, Visibility: actions.GroupForAll}, nil
	}
	return nil, actions.Errorf(actions.NotFound, "runner group %d", id)
}

// RunnerGroups lists the runner groups of a scope, the default one first.
func (q queries) RunnerGroups(ctx context.Context, sc actions.Scope) ([]*actions.RunnerGroup, error) {
	first, err := q.RunnerGroup(ctx, sc, actions.DefaultGroupID)
	if err != nil {
		return nil, err
	}
	list, err := groupList.Where(`g.owner_id = ? and g.is_default = 0`, sc.OwnerID).All(ctx, q.ex)
	return slices.Insert(list, 0, first), err
}

// CreateRunnerGroup adds a runner group and sets its number. A name that its scope has,
// in any case, is a Conflict; more than the groups of a scope may be together is Invalid.
func (tx *Tx) CreateRunnerGroup(ctx context.Context, g *actions.RunnerGroup) error {
	n, err := db.One(ctx, tx.ex, db.Value[int], `select count(*) from runner_groups where owner_id = $1 and is_default = 0`, g.Scope.OwnerID)
	switch {
	case err != nil:
		return err
	case n >= actions.MaxGroups:
		return actions.Errorf(actions.Invalid, "At most %d runner groups are allowed", actions.MaxGroups)
	}
	g.ID, err = db.One(ctx, tx.ex, db.Value[int64], `insert into runner_groups (owner_id, name, name_key, visibility, allows_public, restricted, workflows, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (owner_id, name_key) do nothing returning id`,
		g.Scope.OwnerID, g.Name, strings.ToLower(g.Name), g.Visibility, db.Flag(g.AllowsPublic), db.Flag(g.Restricted), workflowsOf(g), db.Micros(g.CreatedAt))
	if actions.KindOf(err) == actions.NotFound {
		return groupTaken(g)
	}
	if err != nil {
		return fmt.Errorf("runner group %s: %w", g.Name, err)
	}
	if err := tx.groupsFit(ctx, g.Scope); err != nil {
		return err
	}
	tx.Publish(GroupsTopic())
	return tx.auditGroup(ctx, g, actions.AuditGroupCreated, "visibility", string(g.Visibility))
}

// groupsFit is Invalid where the groups of a scope name more workflows than may be in
// memory together: whoever lists groups, or asks what a job waits for, reads them all.
func (tx *Tx) groupsFit(ctx context.Context, sc actions.Scope) error {
	n, err := db.One(ctx, tx.ex, db.Value[int64], `select coalesce(sum(length(workflows)), 0) from runner_groups where owner_id = $1`, sc.OwnerID)
	if err == nil && n > actions.MaxGroupWorkflows {
		err = actions.Errorf(actions.Invalid, "The selected workflows of all runner groups have more than %d characters together", actions.MaxGroupWorkflows)
	}
	return err
}

func workflowsOf(g *actions.RunnerGroup) any {
	if g.Workflows == nil {
		return "[]"
	}
	return db.Text(g.Workflows)
}

func groupTaken(g *actions.RunnerGroup) error {
	return actions.Errorf(actions.Conflict, "Runner group %s already exists", g.Name)
}

// UpdateRunnerGroup saves a runner group. A name that another of its scope has is a
// Conflict.
func (tx *Tx) UpdateRunnerGroup(ctx context.Context, g *actions.RunnerGroup) error {
	if g.Default() {
		_, err := db.Exec(ctx, tx.ex, `insert into runner_groups (owner_id, name, name_key, is_default, visibility, created_at) values ($1, $2, $3, 1, 'all', $4)
			on conflict (owner_id, name_key) do nothing`, g.Scope.OwnerID, g.Name, strings.ToLower(g.Name), db.Micros(g.CreatedAt))
		if err != nil {
			return fmt.Errorf("runner group %s: %w", g.Name, err)
		}
	}
	same, err := db.One(ctx, tx.ex, db.Value[int], `select count(*) from runner_groups g where g.owner_id = $1 and g.name_key = $2 and not `+thisGroup(3),
		g.Scope.OwnerID, strings.ToLower(g.Name), g.ID)
	switch {
	case err != nil:
		return err
	case same > 0:
		return groupTaken(g)
	}
	err = db.ExecOne(ctx, tx.ex, `update runner_groups as g set name = $2, name_key = $4, visibility = $5, allows_public = $6, restricted = $7, workflows = $8
		where g.owner_id = $1 and `+thisGroup(3),
		g.Scope.OwnerID, g.Name, g.ID, strings.ToLower(g.Name), g.Visibility, db.Flag(g.AllowsPublic), db.Flag(g.Restricted), workflowsOf(g))
	if err != nil {
		return fmt.Errorf("runner group %d: %w", g.ID, err)
	}
	if err := tx.groupsFit(ctx, g.Scope); err != nil {
		return err
	}
	tx.Publish(GroupsTopic())
	return tx.auditGroup(ctx, g, actions.AuditGroupUpdated, "visibility", string(g.Visibility))
}

// thisGroup is the condition for a row to be of the group whose number is an argument.
func thisGroup(arg int) string {
	return fmt.Sprintf(`((g.is_default = 1 and $%d = 1) or (g.is_default = 0 and g.id = $%d))`, arg, arg)
}

// DeleteRunnerGroup removes a runner group. Its runners are in the default group from
// then on.
func (tx *Tx) DeleteRunnerGroup(ctx context.Context, sc actions.Scope, id int64) error {
	g, err := tx.RunnerGroup(ctx, sc, id)
	if err != nil {
		return err
	}
	if err := tx.leaveGroup(ctx, g, nil); err != nil {
		return err
	}
	if sc.OwnerID != 0 {
		err = tx.DropSelection(ctx, GroupSelection(g))
	} else {
		_, err = db.Exec(ctx, tx.ex, `delete from runner_group_organizations where group_id = $1`, id)
	}
	if err != nil {
		return fmt.Errorf("runner group %d: %w", id, err)
	}
	if err := db.ExecOne(ctx, tx.ex, `delete from runner_groups where owner_id = $1 and is_default = 0 and id = $2`, sc.OwnerID, id); err != nil {
		return fmt.Errorf("runner group %d: %w", id, err)
	}
	tx.Publish(GroupsTopic())
	return tx.auditGroup(ctx, g, actions.AuditGroupRemoved, "", "")
}

// GroupSelection is which repositories of its organization a group is for.
func GroupSelection(g *actions.RunnerGroup) actions.Selection {
	return actions.Selection{For: actions.SelectedForRunnerGroup, OrgID: g.Scope.OwnerID, Name: strconv.FormatInt(g.ID, 10)}
}

// GroupsOfRepository are the numbers of the groups of its organization for which a
// repository is selected.
func (q queries) GroupsOfRepository(ctx context.Context, orgID, repoID int64) ([]int64, error) {
	names, err := db.All(ctx, q.ex, db.Value[string], `select name from selected_repositories
		where repo_id = $1 and selected_for = $2 and org_id = $3`, repoID, actions.SelectedForRunnerGroup, orgID)
	if err != nil {
		return nil, fmt.Errorf("runner groups of repository %d: %w", repoID, err)
	}
	ids := make([]int64, len(names))
	for i, name := range names {
		ids[i] = SelectedGroup(actions.Selection{Name: name})
	}
	return ids, nil
}

// SelectedGroup is the number of the group whose repositories a selection has.
func SelectedGroup(sel actions.Selection) int64 {
	id, _ := strconv.ParseInt(sel.Name, 10, 64) // [GroupSelection] has written it
	return id
}

func (tx *Tx) auditGroup(ctx context.Context, g *actions.RunnerGroup, name, what, value string) error {
	e, err := tx.auditIn(ctx, g.Scope, name)
	if err != nil {
		return err
	}
	e = e.With("runner_group_id", strconv.FormatInt(g.ID, 10)).With("runner_group_name", g.Name)
	if what != "" {
		e = e.With(what, value)
	}
	return tx.Audit(ctx, e)
}
