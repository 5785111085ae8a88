package scheduler

import (
	"context"
	"fmt"

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
		if s.objects == nil {
			return nil
		}
		return s.objects.Drop(ctx, tx, objects...)
	})
	if err != nil {
		return fmt.Errorf("delete run %d: %w", runID, err)
	}
	s.log.InfoContext(ctx, "run deleted", "run", runID)
	return nil
}
