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

// GroupOrganizations are the organizations that a group of the enterprise is for.
func (q queries) GroupOrganizations(ctx context.Context, id int64) ([]*actions.Account, error) {
	return db.All(ctx, q.ex, scanAccount, `select `+prefixed("a", accountColumns)+` from runner_group_organizations s
		join accounts a on a.id = s.org_id where s.group_id = $1 order by a.id`, id)
}

// CreateRunnerGroup adds a runner group and sets its number. A name that its scope has,
// in any case, is a Conflict.
func (tx *Tx) CreateRunnerGroup(ctx context.Context, g *actions.RunnerGroup) error {
	n, err := db.One(ctx, tx.ex, db.Value[int], `select count(*) from runner_groups where owner_id = $1`, g.Scope.OwnerID)
	switch {
	case err != nil:
		return err
	case n > actions.MaxGroups:
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
	tx.Publish(GroupsTopic())
	return tx.auditGroup(ctx, g, actions.AuditGroupCreated, "visibility", string(g.Visibility))
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

// maxGroupRunners bounds how many runners one request puts into a group.
const maxGroupRunners = 10_000

// SetGroupRunners makes runners those of a group. Those that it had go to the default
// group. A runner of another scope is Invalid.
func (tx *Tx) SetGroupRunners(ctx context.Context, g *actions.RunnerGroup, ids []int64) error {
	if len(ids) > maxGroupRunners {
		return actions.Errorf(actions.Invalid, "At most %d runners can be given", maxGroupRunners)
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if err := tx.leaveGroup(ctx, g, ids); err != nil {
		return err
	}
	if err := tx.joinGroup(ctx, g, ids, actions.Invalid); err != nil {
		return err
	}
	return tx.auditGroup(ctx, g, actions.AuditGroupRunners, "runners", strconv.Itoa(len(ids)))
}

// AddGroupRunner puts a runner of its scope into a group; another one is NotFound.
func (tx *Tx) AddGroupRunner(ctx context.Context, g *actions.RunnerGroup, id int64) error {
	if err := tx.joinGroup(ctx, g, []int64{id}, actions.NotFound); err != nil {
		return err
	}
	return tx.auditGroup(ctx, g, actions.AuditGroupRunnerAdded, "runner_id", strconv.FormatInt(id, 10))
}

// RemoveGroupRunner puts a runner of a group into the default one. One that is not in the
// group is NotFound.
func (tx *Tx) RemoveGroupRunner(ctx context.Context, g *actions.RunnerGroup, id int64) error {
	if err := tx.joinGroup(ctx, &actions.RunnerGroup{ID: actions.DefaultGroupID, Scope: g.Scope}, []int64{id}, actions.NotFound); err != nil {
		return err
	}
	return tx.auditGroup(ctx, g, actions.AuditGroupRunnerGone, "runner_id", strconv.FormatInt(id, 10))
}

func (tx *Tx) joinGroup(ctx context.Context, g *actions.RunnerGroup, ids []int64, otherwise actions.Kind) error {
	for _, id := range ids {
		err := db.ExecOne(ctx, tx.ex, `update runners set group_id = $3 where id = $1 and owner_id = $2 and repo_id = 0`, id, g.Scope.OwnerID, g.ID) // auditGroup writes the entry
		if actions.KindOf(err) == actions.NotFound {
			return actions.Errorf(otherwise, "runner %d is not there", id)
		}
		if err != nil {
			return fmt.Errorf("runner %d: %w", id, err)
		}
		tx.Publish(RunnerRecordTopic(id))
	}
	tx.Publish(GroupsTopic())
	return nil
}

// leaveGroup puts the runners of a group but some into the default one.
func (tx *Tx) leaveGroup(ctx context.Context, g *actions.RunnerGroup, but []int64) error {
	had, err := db.All(ctx, tx.ex, db.Value[int64], `select id from runners where owner_id = $1 and repo_id = 0 and group_id = $2`, g.Scope.OwnerID, g.ID)
	if err != nil {
		return err
	}
	had = slices.DeleteFunc(had, func(id int64) bool { _, stays := slices.BinarySearch(but, id); return stays })
	return tx.joinGroup(ctx, &actions.RunnerGroup{ID: actions.DefaultGroupID, Scope: g.Scope}, had, actions.NotFound)
}

// GroupRunners lists a page of the runners of a group, by id, and how many there are.
func (q queries) GroupRunners(ctx context.Context, g *actions.RunnerGroup, p Page) ([]*actions.Runner, int, error) {
	list, total, err := runnerList.Where(`owner_id = ? and repo_id = 0 and group_id = ?`, g.Scope.OwnerID, g.ID).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("runners of group %d: %w", g.ID, err)
	}
	return list, total, nil
}

// SetGroupOrganizations makes organizations those that a group of the enterprise is for.
// What is none is Invalid.
func (tx *Tx) SetGroupOrganizations(ctx context.Context, g *actions.RunnerGroup, ids []int64) error {
	if len(ids) > actions.MaxSelected {
		return actions.Errorf(actions.Invalid, "At most %d organizations can be given", actions.MaxSelected)
	}
	if _, err := db.Exec(ctx, tx.ex, `delete from runner_group_organizations where group_id = $1`, g.ID); err != nil {
		return err
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if err := tx.addGroupOrganization(ctx, g, id, actions.Invalid); err != nil {
			return err
		}
	}
	return tx.organizationsChanged(ctx, g, "selected_organizations", strconv.Itoa(len(ids)))
}

// AddGroupOrganization adds an organization to those that a group of the enterprise is
// for. What is none is NotFound.
func (tx *Tx) AddGroupOrganization(ctx context.Context, g *actions.RunnerGroup, id int64) error {
	if err := tx.addGroupOrganization(ctx, g, id, actions.NotFound); err != nil {
		return err
	}
	return tx.organizationsChanged(ctx, g, "added_organization_id", strconv.FormatInt(id, 10))
}

// RemoveGroupOrganization takes an organization away from those that a group is for.
func (tx *Tx) RemoveGroupOrganization(ctx context.Context, g *actions.RunnerGroup, id int64) error {
	if _, err := db.Exec(ctx, tx.ex, `delete from runner_group_organizations where group_id = $1 and org_id = $2`, g.ID, id); err != nil {
		return err
	}
	return tx.organizationsChanged(ctx, g, "removed_organization_id", strconv.FormatInt(id, 10))
}

func (tx *Tx) addGroupOrganization(ctx context.Context, g *actions.RunnerGroup, id int64, otherwise actions.Kind) error {
	a, err := tx.Account(ctx, id)
	if actions.KindOf(err) == actions.NotFound || err == nil && a.Type != actions.Organization {
		return actions.Errorf(otherwise, "organization %d is not there", id)
	}
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, tx.ex, `insert into runner_group_organizations (group_id, org_id) values ($1, $2) on conflict do nothing`, g.ID, id)
	return err
}

func (tx *Tx) organizationsChanged(ctx context.Context, g *actions.RunnerGroup, what, value string) error {
	tx.Publish(GroupsTopic())
	return tx.auditGroup(ctx, g, actions.AuditGroupUpdated, what, value)
}

// RunnerGroupIDs says in which group some runners are; those that are gone are missing.
func (q queries) RunnerGroupIDs(ctx context.Context, ids []int64) (map[int64]int64, error) {
	type pair struct{ runner, group int64 }
	scan := func(r db.Row) (p pair, err error) { return p, r.Scan(&p.runner, &p.group) }
	in := make(map[int64]int64, len(ids))
	for args, marks := range db.Batches(ids) {
		some, err := db.All(ctx, q.ex, scan, `select id, group_id from runners where id in (`+marks+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("groups of runners: %w", err)
		}
		for _, p := range some {
			in[p.runner] = p.group
		}
	}
	return in, nil
}
