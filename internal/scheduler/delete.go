package scheduler

import (
	"context"
	"fmt"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Delete removes a completed run with its jobs, logs, annotations and artifacts.
func (s *Scheduler) Delete(ctx context.Context, runID int64) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, runID)
		if err != nil {
			return err
		}
		if run.Status != actions.Completed {
			return actions.Errorf(actions.Forbidden, "Could not delete the workflow run")
		}
		objects, err := tx.RunObjects(ctx, run.ID)
		if err != nil {
			return err
		}
		if err := tx.DeleteRun(ctx, run.RepoID, run.ID, s.now()); err != nil {
			return err
		}
		repo, err := tx.Repository(ctx, run.RepoID)
		if err != nil {
			return err
		}
		err = tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditRunDelete}.InRepo(repo).
			With("workflow_run_id", strconv.FormatInt(run.ID, 10)).With("name", run.Name).With("run_number", strconv.FormatInt(run.Number, 10)))
		if err != nil || s.objects == nil {
			return err
		}
		return s.objects.Drop(ctx, tx, objects...)
	})
	if err != nil {
		return fmt.Errorf("delete run %d: %w", runID, err)
	}
	s.log.InfoContext(ctx, "run deleted", "run", runID)
	return nil
}
