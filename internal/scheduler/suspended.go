package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
)

// endSuspended ends at once the runs that were begun by accounts which are suspended
// or deleted: what waits is not started, and what runs loses its tokens. An account
// may be suspended here, at another server, or while no server runs.
func (s *Scheduler) endSuspended(ctx context.Context) error {
	for {
		ids, err := s.store.RunsOfSuspended(ctx)
		if err != nil || len(ids) == 0 {
			return err
		}
		var errs []error
		for _, id := range ids {
			err := s.change(ctx, id, s.endRefused)
			switch {
			case err == nil:
				s.log.InfoContext(ctx, "run ended, since its actor is suspended", "run", id)
			case actions.KindOf(err) != actions.NotFound: // it is not deleted
				errs = append(errs, fmt.Errorf("run %d: %w", id, err))
			}
		}
		if len(errs) > 0 {
			return errors.Join(errs...)
		}
	}
}

// enforceSuspensions is endSuspended for a loop.
func (s *Scheduler) enforceSuspensions(ctx context.Context) {
	if err := s.endSuspended(ctx); err != nil && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "runs of suspended accounts go on", "err", err)
	}
}

// endRefused is the change that ends a run whose actor is suspended.
func (s *Scheduler) endRefused(ctx context.Context, d *draft) error {
	if d.attempt.Status == actions.Completed {
		return nil
	}
	// What is remembered of the run is older than the suspension.
	who, err := s.store.Account(ctx, d.run.Triggering.ID)
	if err != nil || !who.Suspended {
		return err
	}
	d.run.Triggering = *who
	if len(d.jobs) == 0 {
		d.bar(d.suspension())
		return nil
	}
	for _, known := range slices.Clone(d.jobs) {
		if known.Status == actions.Completed {
			continue
		}
		r, err := d.row(ctx, known.ID)
		if err != nil {
			return err
		}
		d.stop(r, true, note(actions.LevelFailure, d.suspension()))
	}
	d.asked = true
	return d.attempt.Cancel(true, d.now)
}

// suspension is the reason that people are shown.
func (d *draft) suspension() string {
	return fmt.Sprintf("The run was not carried on: the account %s, which began it, is suspended.", d.run.Triggering.Login)
}
