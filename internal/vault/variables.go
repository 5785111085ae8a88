package vault

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// A VariableChange is what a client wants of a variable. What is nil stays.
type VariableChange struct {
	Name, Value *string

	Visibility *actions.Visibility // of an organization's
	Selected   []int64             // its repositories, where the visibility is selected
}

// CreateVariable gives a holder a variable. A name that it has already is a Conflict.
func (v *Vault) CreateVariable(ctx context.Context, h actions.Holder, c VariableChange) error {
	made := &actions.Variable{Holder: h, CreatedAt: v.now(), UpdatedAt: v.now()}
	switch {
	case c.Name == nil:
		return actions.Missing("Variable", "name")
	case c.Value == nil:
		return actions.Missing("Variable", "value")
	}
	if err := c.apply(made); err != nil {
		return err
	}
	return v.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateVariable(ctx, made); err != nil {
			return err
		}
		return reselect(ctx, tx, h, actions.SelectedForVariable, made.Name, made.Visibility, c.Selected)
	})
}

// UpdateVariable changes the variable of a holder with the name.
func (v *Vault) UpdateVariable(ctx context.Context, h actions.Holder, name string, c VariableChange) error {
	return v.store.Update(ctx, func(tx *store.Tx) error {
		is, err := tx.Variable(ctx, h, name)
		if err != nil {
			return err
		}
		is.Holder, is.UpdatedAt = h, v.now()
		if err := c.apply(is); err != nil {
			return err
		}
		if err := tx.UpdateVariable(ctx, is); err != nil {
			return err
		}
		if is.Name != name && h.Kind() == actions.HeldByOrganization {
			if err := tx.RenameSelection(ctx, actions.Selection{For: actions.SelectedForVariable, OrgID: h.OrgID, Name: name}, is.Name); err != nil {
				return err
			}
		}
		return reselect(ctx, tx, h, actions.SelectedForVariable, is.Name, is.Visibility, c.Selected)
	})
}

// apply does the change to a variable.
func (c VariableChange) apply(to *actions.Variable) (err error) {
	if c.Name != nil {
		if to.Name, err = actions.VariableName(*c.Name); err != nil {
			return err
		}
	}
	if c.Value != nil {
		if err := actions.CheckHeldValue("Variable", *c.Value); err != nil {
			return err
		}
		to.Value = *c.Value
	}
	if to.Holder.Kind() != actions.HeldByOrganization {
		return nil
	}
	if c.Visibility != nil {
		to.Visibility = *c.Visibility
	}
	return to.Visibility.Check("Variable")
}

// DeleteVariable removes a variable.
func (v *Vault) DeleteVariable(ctx context.Context, h actions.Holder, name string) error {
	return v.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteVariable(ctx, h, name) })
}

// SelectedForVariable lists a page of the repositories that are selected for an
// organization's variable, and how many there are. It is a Conflict if the variable is not for
// selected ones.
func (v *Vault) SelectedForVariable(ctx context.Context, sel actions.Selection, p actions.Page) (list []*actions.Repository, total int, err error) {
	err = v.store.View(ctx, func(tx *store.Tx) error {
		if err := selectable(ctx, tx, sel); err != nil {
			return err
		}
		list, total, err = tx.SelectedRepositories(ctx, sel, p)
		return err
	})
	return list, total, err
}

// SelectForVariable changes which repositories are selected for an organization's
// variable. It is a Conflict if the variable is not for selected ones.
func (v *Vault) SelectForVariable(ctx context.Context, sel actions.Selection, c actions.SelectionChange) error {
	return v.store.Update(ctx, func(tx *store.Tx) error {
		if err := selectable(ctx, tx, sel); err != nil {
			return err
		}
		return tx.ChangeSelection(ctx, sel, c)
	})
}

func selectable(ctx context.Context, tx *store.Tx, sel actions.Selection) error {
	is, err := tx.Variable(ctx, actions.Holder{OrgID: sel.OrgID}, sel.Name)
	if err == nil && is.Visibility != actions.VisibleToSelected {
		err = errNotSelected("variable", is.Visibility)
	}
	return err
}
