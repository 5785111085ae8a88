package scheduler

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/policy"
)

// Rerun makes the next attempt of a completed run with all of its jobs (RR-3). It is
// Forbidden where Actions is disabled, or where the run uses actions that are not allowed.
func (s *Scheduler) Rerun(ctx context.Context, runID int64, who actions.Account, debug bool) error {
	var number int
	err := s.change(ctx, runID, func(ctx context.Context, d *draft) error {
		if d.repo.Archived {
			return actions.ErrArchived
		}
		on, err := s.policy.Enabled(ctx, d.repo)
		if err != nil {
			return err
		}
		if !on {
			return policy.Disabled(actions.Forbidden)
		}
		if d.source == nil {
			return actions.Errorf(actions.Forbidden, "This workflow run cannot be retried")
		}
		why, err := s.refusal(ctx, d.repo, d.source)
		if err != nil {
			return err
		}
		if why != "" { // an attempt that failed at its start could never be followed by another
			return actions.Errorf(actions.Forbidden, "%s", why)
		}
		a, err := d.run.Rerun(who, s.newID(), debug, d.now)
		if err != nil {
			return err
		}
		number, a.LogsExpireAt = a.Number, d.logsExpire(d.now)
		d.reruns, d.attempt, d.jobs, d.shared = true, a, nil, nil
		return nil
	})
	if err != nil {
		return fmt.Errorf("rerun of run %d: %w", runID, err)
	}
	s.log.InfoContext(ctx, "run starts again", "run", runID, "attempt", number)
	return nil
}
