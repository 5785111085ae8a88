package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const selectedRepositories = `exists (select 1 from selected_repositories s
	where s.repo_id = r.id and s.selected_for = ? and s.org_id = ? and s.name = ?)`

// SelectedRepositories lists a page of a selection, in the order of ids, and how many
// repositories it has.
func (q queries) SelectedRepositories(ctx context.Context, sel actions.Selection, p Page) ([]*actions.Repository, int, error) {
	list, total, err := repositoryList.Where(selectedRepositories, sel.For, sel.OrgID, sel.Name).Order(`r.id`).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("repositories selected for %s %s of organization %d: %w", sel.For, sel.Name, sel.OrgID, err)
	}
	return list, total, nil
}

// SelectedIDs are the ids of all repositories of a selection, in their order.
func (q queries) SelectedIDs(ctx context.Context, sel actions.Selection) ([]int64, error) {
	ids, err := db.All(ctx, q.ex, db.Value[int64], `select repo_id from selected_repositories
		where selected_for = $1 and org_id = $2 and name = $3 order by repo_id`, sel.For, sel.OrgID, sel.Name)
	if err != nil {
		return nil, fmt.Errorf("repositories selected for %s %s of organization %d: %w", sel.For, sel.Name, sel.OrgID, err)
	}
	return ids, nil
}

// IsSelected says whether a repository is in a selection.
func (q queries) IsSelected(ctx context.Context, sel actions.Selection, repoID int64) (bool, error) {
	n, err := db.One(ctx, q.ex, db.Value[int], `select count(*) from selected_repositories
		where selected_for = $1 and org_id = $2 and name = $3 and repo_id = $4`, sel.For, sel.OrgID, sel.Name, repoID)
	return n > 0, err
}

// ChangeSelection changes which repositories are selected. One that the organization
// does not own is Invalid where a whole selection is set, else NotFound; to remove one of
// its own that is not selected changes nothing.
func (tx *Tx) ChangeSelection(ctx context.Context, sel actions.Selection, c actions.SelectionChange) error {
	var err error
	switch {
	case c.Set != nil:
		err = tx.setSelection(ctx, sel, c.Set)
	case c.Add != 0:
		if err = tx.ownedBy(ctx, sel.OrgID, []int64{c.Add}, actions.NotFound); err == nil {
			_, err = db.Exec(ctx, tx.ex, `insert into selected_repositories (selected_for, org_id, name, repo_id)
				values ($1, $2, $3, $4) on conflict do nothing`, sel.For, sel.OrgID, sel.Name, c.Add)
		}
	case c.Remove != 0:
		if err = tx.ownedBy(ctx, sel.OrgID, []int64{c.Remove}, actions.NotFound); err == nil {
			_, err = db.Exec(ctx, tx.ex, `delete from selected_repositories
				where selected_for = $1 and org_id = $2 and name = $3 and repo_id = $4`, sel.For, sel.OrgID, sel.Name, c.Remove)
		}
	}
	if err != nil {
		return fmt.Errorf("repositories selected for %s %s: %w", sel.For, sel.Name, err)
	}
	tx.Publish(SettingsTopic(), ReadyTopic(0))
	return tx.auditSelection(ctx, sel, c)
}

// DropSelection forgets a selection, whose secret, variable or runner group goes.
func (tx *Tx) DropSelection(ctx context.Context, sel actions.Selection) error {
	return tx.exec(ctx, SettingsTopic(), `delete from selected_repositories
		where selected_for = $1 and org_id = $2 and name = $3`, sel.For, sel.OrgID, sel.Name)
}

func (tx *Tx) setSelection(ctx context.Context, sel actions.Selection, ids []int64) error {
	if len(ids) > actions.MaxSelected {
		return actions.Errorf(actions.Invalid, "At most %d repositories can be selected by one request", actions.MaxSelected)
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if err := tx.ownedBy(ctx, sel.OrgID, ids, actions.Invalid); err != nil {
		return err
	}
	if err := tx.DropSelection(ctx, sel); err != nil {
		return err
	}
	for piece, values := range db.Inserts(ids, 4) {
		args := make([]any, 0, 4*len(piece))
		for _, id := range piece {
			args = append(args, sel.For, sel.OrgID, sel.Name, id)
		}
		if _, err := db.Exec(ctx, tx.ex, `insert into selected_repositories (selected_for, org_id, name, repo_id) values `+values, args...); err != nil {
			return err
		}
	}
	return nil
}

// ownedBy is an error of the kind for the first of the repositories that the
// organization does not own.
func (tx *Tx) ownedBy(ctx context.Context, orgID int64, ids []int64, otherwise actions.Kind) error {
	other, err := tx.firstOther(ctx, ids, `select id from repositories where owner_id = $1 and id in (`, orgID)
	if err == nil && other != 0 {
		err = actions.Errorf(otherwise, "repository %d does not belong to the organization", other)
	}
	return err
}

// firstOther is the first of the ids that a query does not find, 0 if it finds all. Its
// text ends where the list of ids begins, and $1 in it is the argument.
func (tx *Tx) firstOther(ctx context.Context, ids []int64, text string, arg any) (int64, error) {
	found := make(map[int64]bool, len(ids))
	for args, list := range db.Batches(ids, arg) {
		some, err := db.All(ctx, tx.ex, db.Value[int64], text+list+`)`, args...)
		if err != nil {
			return 0, err
		}
		for _, id := range some {
			found[id] = true
		}
	}
	for _, id := range ids {
		if !found[id] {
			return id, nil
		}
	}
	return 0, nil
}

// selectionAudits are what the audit log calls a change of a selection.
var selectionAudits = map[actions.Selecting]string{
	actions.SelectedForSecret:      "update_actions_secret",
	actions.SelectedForVariable:    "update_actions_variable",
	actions.SelectedForActions:     "update_actions_settings",
	actions.SelectedForRunners:     "update_repo_self_hosted_runners_settings",
	actions.SelectedForRunnerGroup: "runner_group_updated",
}

func (tx *Tx) auditSelection(ctx context.Context, sel actions.Selection, c actions.SelectionChange) error {
	e, err := tx.auditIn(ctx, actions.Scope{OwnerID: sel.OrgID}, selectionAudits[sel.For])
	if err != nil {
		return err
	}
	if sel.Name != "" {
		e = e.With("key", sel.Name)
	}
	switch {
	case c.Set != nil:
		e = e.With("selected_repositories", strconv.Itoa(len(c.Set)))
	case c.Add != 0:
		e = e.With("added_repository_id", strconv.FormatInt(c.Add, 10))
	default:
		e = e.With("removed_repository_id", strconv.FormatInt(c.Remove, 10))
	}
	return tx.Audit(ctx, e)
}

// RenameSelection moves a selection to what its secret, variable or runner group is
// called now.
func (tx *Tx) RenameSelection(ctx context.Context, sel actions.Selection, name string) error {
	return tx.exec(ctx, SettingsTopic(), `update selected_repositories set name = $4
		where selected_for = $1 and org_id = $2 and name = $3`, sel.For, sel.OrgID, sel.Name, name)
}
