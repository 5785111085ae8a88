package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

var groupOrganizations = db.List[*actions.Account]{
	Table: `accounts`, ID: `id`, Columns: accountColumns, Scan: scanAccount,
}.Order(`id`)

// GroupOrganizations lists a page of the organizations that a group of the enterprise is
// for, by id, and how many there are.
func (q queries) GroupOrganizations(ctx context.Context, id int64, p Page) ([]*actions.Account, int, error) {
	list, total, err := groupOrganizations.Where(`id in (select org_id from runner_group_organizations where group_id = ?)`, id).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("organizations of runner group %d: %w", id, err)
	}
	return list, total, nil
}

// GroupOrganizationIDs are the ids of all of them, in their order.
func (q queries) GroupOrganizationIDs(ctx context.Context, id int64) ([]int64, error) {
	ids, err := db.All(ctx, q.ex, db.Value[int64], `select org_id from runner_group_organizations where group_id = $1 order by org_id`, id)
	if err != nil {
		return nil, fmt.Errorf("organizations of runner group %d: %w", id, err)
	}
	return ids, nil
}

// GroupsOfOrganization are the numbers of the groups of the enterprise for which an
// organization is selected.
func (q queries) GroupsOfOrganization(ctx context.Context, orgID int64) ([]int64, error) {
	ids, err := db.All(ctx, q.ex, db.Value[int64], `select group_id from runner_group_organizations where org_id = $1`, orgID)
	if err != nil {
		return nil, fmt.Errorf("runner groups of organization %d: %w", orgID, err)
	}
	return ids, nil
}

// ChangeGroupOrganizations changes which organizations a group of the enterprise is for.
// What is no organization is Invalid where all are set, else NotFound; to remove one that
// is not selected changes nothing.
func (tx *Tx) ChangeGroupOrganizations(ctx context.Context, g *actions.RunnerGroup, c actions.SelectionChange) error {
	var err error
	what, value := "removed_organization_id", strconv.FormatInt(c.Remove, 10)
	switch {
	case c.Set != nil:
		what, value = "selected_organizations", strconv.Itoa(len(c.Set))
		err = tx.setGroupOrganizations(ctx, g, c.Set)
	case c.Add != 0:
		what, value = "added_organization_id", strconv.FormatInt(c.Add, 10)
		if err = tx.areOrganizations(ctx, []int64{c.Add}, actions.NotFound); err == nil {
			_, err = db.Exec(ctx, tx.ex, `insert into runner_group_organizations (group_id, org_id) values ($1, $2) on conflict do nothing`, g.ID, c.Add)
		}
	default:
		if err = tx.areOrganizations(ctx, []int64{c.Remove}, actions.NotFound); err == nil {
			_, err = db.Exec(ctx, tx.ex, `delete from runner_group_organizations where group_id = $1 and org_id = $2`, g.ID, c.Remove)
		}
	}
	if err != nil {
		return fmt.Errorf("organizations of runner group %d: %w", g.ID, err)
	}
	tx.Publish(GroupsTopic())
	return tx.auditGroup(ctx, g, actions.AuditGroupUpdated, what, value)
}

func (tx *Tx) setGroupOrganizations(ctx context.Context, g *actions.RunnerGroup, ids []int64) error {
	if len(ids) > actions.MaxSelected {
		return actions.Errorf(actions.Invalid, "At most %d organizations can be selected by one request", actions.MaxSelected)
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if err := tx.areOrganizations(ctx, ids, actions.Invalid); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, tx.ex, `delete from runner_group_organizations where group_id = $1`, g.ID); err != nil {
		return err
	}
	for piece, values := range db.Inserts(ids, 2) {
		args := make([]any, 0, 2*len(piece))
		for _, id := range piece {
			args = append(args, g.ID, id)
		}
		if _, err := db.Exec(ctx, tx.ex, `insert into runner_group_organizations (group_id, org_id) values `+values, args...); err != nil {
			return err
		}
	}
	return nil
}

// areOrganizations is an error of the kind for the first id that is not one of an
// organization.
func (tx *Tx) areOrganizations(ctx context.Context, ids []int64, otherwise actions.Kind) error {
	other, err := tx.firstOther(ctx, ids, `select id from accounts where type = $1 and id in (`, actions.Organization)
	if err == nil && other != 0 {
		err = actions.Errorf(otherwise, "organization %d is not there", other)
	}
	return err
}
