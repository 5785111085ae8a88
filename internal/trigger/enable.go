package trigger

import (
	"context"
	"fmt"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// SetWorkflowState enables a workflow ([actions.Active]) or disables it
// ([actions.DisabledManually]): then no event starts it. One whose file is gone is
// Invalid.
func (t *Trigger) SetWorkflowState(ctx context.Context, repoID, id int64, state actions.WorkflowState) error {
	err := t.store.Update(ctx, func(tx *store.Tx) error {
		w, err := tx.Workflow(ctx, repoID, id)
		if err != nil {
			return err
		}
		if w.State == actions.Deleted {
			return actions.Errorf(actions.Invalid, "The workflow's file is not on the default branch any more")
		}
		w.State, w.UpdatedAt = state, t.now()
		if err := tx.SaveWorkflow(ctx, w); err != nil {
			return err
		}
		repo, err := tx.Repository(ctx, repoID)
		if err != nil {
			return err
		}
		e := actions.AuditEntry{Action: actions.AuditWorkflowDisable}
		if state == actions.Active {
			e.Action = actions.AuditWorkflowEnable
		}
		return tx.Audit(ctx, e.InRepo(repo).With("workflow_id", strconv.FormatInt(w.ID, 10)).With("path", w.Path))
	})
	if err != nil {
		return fmt.Errorf("workflow %d: %w", id, err)
	}
	return nil
}
