package scheduler

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Cancel asks a run to stop. Jobs whose condition still holds go on (CAN-1),
// running ones are told to cancel, the others are over at once. With force all
// are over at once, and their runners learn it (CAN-5). A run that is completed
// is a Conflict.
func (s *Scheduler) Cancel(ctx context.Context, runID int64, force bool) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		st, err := s.load(ctx, tx, runID)
		if err != nil {
			return err
		}
		if err := st.attempt.Cancel(force, s.now()); err != nil {
			return err
		}
		if err := tx.UpdateAttempt(ctx, st.attempt); err != nil {
			return err
		}
		return s.goOn(ctx, tx, st)
	})
	if err != nil {
		return fmt.Errorf("cancel run %d: %w", runID, err)
	}
	s.log.InfoContext(ctx, "run cancelled", "run", runID, "force", force)
	return nil
}

// stop cancels one job: one that no runner holds, or that is forced, is over
// now; the runner of another is told.
func (s *Scheduler) stop(ctx context.Context, tx *store.Tx, job *actions.Job, force bool) error {
	if job.Status == actions.Completed {
		return nil
	}
	if job.Status == actions.InProgress {
		told := !job.CancelAt.IsZero()
		if told && !force {
			return nil
		}
		if !told {
			job.CancelAt = s.now()
		}
		tx.After(func() { s.queue.Cancel(job) })
		if !force {
			return tx.UpdateJob(ctx, job)
		}
	}
	return s.conclude(ctx, tx, job, actions.Cancelled)
}

// Rerun makes the next attempt of a completed run with all of its jobs (RR-3).
func (s *Scheduler) Rerun(ctx context.Context, runID int64, who actions.Account, debug bool) error {
	var number int
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		st, err := s.load(ctx, tx, runID)
		if err != nil {
			return err
		}
		if st.source == nil {
			return actions.Errorf(actions.Forbidden, "This workflow run cannot be retried")
		}
		a, err := st.run.Rerun(who, s.newID(), debug, s.now())
		if err != nil {
			return err
		}
		if err := tx.CreateAttempt(ctx, a); err != nil {
			return err
		}
		if err := tx.UpdateRun(ctx, st.run); err != nil {
			return err
		}
		number, st.attempt, st.jobs = a.Number, a, nil
		return s.launch(ctx, tx, st)
	})
	if err != nil {
		return fmt.Errorf("rerun of run %d: %w", runID, err)
	}
	s.log.InfoContext(ctx, "run starts again", "run", runID, "attempt", number)
	return nil
}

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
		return s.drop(ctx, tx, objects...)
	})
	if err != nil {
		return fmt.Errorf("delete run %d: %w", runID, err)
	}
	s.log.InfoContext(ctx, "run deleted", "run", runID)
	return nil
}
