package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// hasRoom is Invalid where a holder has as many rows of a table as it can have.
func (tx *Tx) hasRoom(ctx context.Context, table string, h actions.Holder, most int) error {
	n, err := db.One(ctx, tx.ex, db.Value[int], `select count(*) from `+table+` where `+heldBy(h)+` = $1`, h.ID())
	if err != nil {
		return err
	}
	if n >= most {
		return actions.Errorf(actions.Invalid, "%s %d has %d %s, and can have no more", h.Kind(), h.ID(), n, table)
	}
	return nil
}

// auditHeld notes what is done to a secret or variable of a holder.
func (tx *Tx) auditHeld(ctx context.Context, h actions.Holder, what, name string, v actions.Visibility) error {
	e, err := tx.auditIn(ctx, h.Scope(), what)
	if err != nil {
		return fmt.Errorf("audit of %s: %w", name, err)
	}
	e = e.With("key", name)
	if v != "" {
		e = e.With("visibility", string(v))
	}
	if h.Kind() == actions.HeldByEnvironment {
		e.Action = actions.AuditAction("environment." + what)
		e = e.With("environment_name", h.Environment)
	}
	return tx.Audit(ctx, e)
}
