package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const variableColumns = `id, coalesce(org_id, 0), coalesce(repo_id, 0), coalesce(environment_id, 0), name, visibility, value, created_at, updated_at`

var variableList = db.List[*actions.Variable]{Table: `variables h`, ID: `h.id`, Columns: variableColumns, Scan: scanVariable}.Order(`h.name, h.id`)

func scanVariable(r db.Row) (*actions.Variable, error) {
	v := new(actions.Variable)
	return v, r.Scan(&v.ID, &v.Holder.OrgID, &v.Holder.RepoID, &v.Holder.EnvironmentID, &v.Name, &v.Visibility, &v.Value,
		db.Time(&v.CreatedAt), db.Time(&v.UpdatedAt))
}

// Variables lists a page of the variables of a holder, by name, and how many there are.
func (q queries) Variables(ctx context.Context, h actions.Holder, p Page) ([]*actions.Variable, int, error) {
	list, total, err := variableList.Where(`h.`+heldBy(h)+` = ?`, h.ID()).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("variables of %s %d: %w", h.Kind(), h.ID(), err)
	}
	return list, total, nil
}

// SharedVariables lists a page of the variables that its organization shares with a
// repository, by name, and how many there are.
func (q queries) SharedVariables(ctx context.Context, r *actions.Repository, p Page) ([]*actions.Variable, int, error) {
	list, total, err := variableList.Where(sharedWith, r.Owner.ID, db.Flag(r.Private), actions.SelectedForVariable, r.ID).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("variables shared with repository %d: %w", r.ID, err)
	}
	return list, total, nil
}

// Variable returns the variable of a holder with the name, which is in upper case.
func (q queries) Variable(ctx context.Context, h actions.Holder, name string) (*actions.Variable, error) {
	v, err := db.One(ctx, q.ex, scanVariable, `select `+variableColumns+` from variables where `+heldBy(h)+` = $1 and name = $2`, h.ID(), name)
	if err != nil {
		return nil, fmt.Errorf("variable %s of %s %d: %w", name, h.Kind(), h.ID(), err)
	}
	return v, nil
}

// CreateVariable gives a holder a variable, and sets its id. A name that it has already
// is a Conflict; more than the holder can have are Invalid.
func (tx *Tx) CreateVariable(ctx context.Context, v *actions.Variable) error {
	h := v.Holder
	if err := tx.hasRoom(ctx, "variables", h, h.MaxVariables()); err != nil {
		return err
	}
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into variables (`+heldBy(h)+`, name, visibility, value, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id`,
		h.ID(), v.Name, v.Visibility, v.Value, db.Micros(v.CreatedAt), db.Micros(v.UpdatedAt))
	if actions.KindOf(err) == actions.NotFound {
		return errVariableExists
	}
	if err != nil {
		return fmt.Errorf("variable %s of %s %d: %w", v.Name, h.Kind(), h.ID(), err)
	}
	v.ID = id
	tx.Publish(SettingsTopic())
	return tx.auditHeld(ctx, h, "create_actions_variable", v.Name, v.Visibility)
}

var errVariableExists = actions.Errorf(actions.Conflict, "Already exists - Variable already exists")

// UpdateVariable saves a variable by its id: its name, which may be another than it was,
// value and visibility. A name that another variable of its holder has is a Conflict.
func (tx *Tx) UpdateVariable(ctx context.Context, v *actions.Variable) error {
	other, err := tx.Variable(ctx, v.Holder, v.Name)
	if err == nil && other.ID != v.ID {
		return errVariableExists
	}
	if err := unlessGone(err); err != nil {
		return err
	}
	err = db.ExecOne(ctx, tx.ex, `update variables set name = $2, visibility = $3, value = $4, updated_at = $5 where id = $1`,
		v.ID, v.Name, v.Visibility, v.Value, db.Micros(v.UpdatedAt))
	if err != nil {
		return fmt.Errorf("variable %s of %s %d: %w", v.Name, v.Holder.Kind(), v.Holder.ID(), err)
	}
	tx.Publish(SettingsTopic())
	return tx.auditHeld(ctx, v.Holder, "update_actions_variable", v.Name, v.Visibility)
}

// DeleteVariable removes a variable, and what repositories were selected for it.
func (tx *Tx) DeleteVariable(ctx context.Context, h actions.Holder, name string) error {
	if err := db.ExecOne(ctx, tx.ex, `delete from variables where `+heldBy(h)+` = $1 and name = $2`, h.ID(), name); err != nil {
		return fmt.Errorf("variable %s of %s %d: %w", name, h.Kind(), h.ID(), err)
	}
	tx.Publish(SettingsTopic())
	if h.Kind() == actions.HeldByOrganization {
		if err := tx.DropSelection(ctx, actions.Selection{For: actions.SelectedForVariable, OrgID: h.OrgID, Name: name}); err != nil {
			return err
		}
	}
	return tx.auditHeld(ctx, h, "remove_actions_variable", name, "")
}

// RunVariables lists the variables that the runs of a repository may have: of the
// repository and of its organization, each by name.
func (q queries) RunVariables(ctx context.Context, r *actions.Repository) ([]*actions.Variable, error) {
	list, err := db.All(ctx, q.ex, scanVariable, `select `+variableColumns+` from variables where repo_id = $1
		union all select `+variableColumns+` from variables h where `+db.Numbered(sharedWith, 2)+` order by 3 desc, 5`,
		r.ID, r.Owner.ID, db.Flag(r.Private), actions.SelectedForVariable, r.ID)
	if err != nil {
		return nil, fmt.Errorf("variables of runs of repository %d: %w", r.ID, err)
	}
	return list, nil
}

// EnvironmentVariables lists all variables of an environment.
func (q queries) EnvironmentVariables(ctx context.Context, environmentID int64) ([]*actions.Variable, error) {
	list, err := db.All(ctx, q.ex, scanVariable, `select `+variableColumns+` from variables where environment_id = $1 order by name`, environmentID)
	if err != nil {
		return nil, fmt.Errorf("variables of environment %d: %w", environmentID, err)
	}
	return list, nil
}
