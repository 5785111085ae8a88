package scheduler

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/store"
)

// Approve lets a run begin that waits for approval, with its first attempt. It is of one
// commit, so what its pull request gets later waits again. A run that does not wait is
// Forbidden. Should the server end before it is planned, [Scheduler.Run] plans it.
func (s *Scheduler) Approve(ctx context.Context, repo *actions.Repository, runID int64) error {
	if repo.Archived {
		return actions.ErrArchived
	}
	on, err := s.policy.Enabled(ctx, repo)
	if err != nil {
		return err
	}
	if !on {
		return policy.Disabled(actions.Forbidden)
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		run, err := tx.RepoRun(ctx, repo.ID, runID)
		if err != nil {
			return err
		}
		at, err := tx.Attempt(ctx, run.ID, run.Attempt)
		if err != nil {
			return err
		}
		if run.Conclusion != actions.ActionRequired {
			return actions.Errorf(actions.Forbidden, "This run is not from a fork pull request or queued for approval")
		}
		now := s.now()
		run.Status, run.Conclusion, run.StartedAt, run.UpdatedAt = actions.Requested, "", now, now
		at.Status, at.Conclusion, at.CompletedAt = actions.Requested, "", time.Time{}
		if err := tx.UpdateRun(ctx, run); err != nil {
			return err
		}
		if err := tx.UpdateAttempt(ctx, at); err != nil {
			return err
		}
		e := actions.AuditEntry{Action: actions.AuditRunApprove}
		return tx.Audit(ctx, e.InRepo(repo).With("workflow_run_id", strconv.FormatInt(run.ID, 10)).With("head_sha", run.HeadSHA))
	})
	if err != nil {
		return fmt.Errorf("approval of run %d: %w", runID, err)
	}
	s.states.Remove(runID)
	s.planNow(ctx, runID)
	s.log.InfoContext(ctx, "run approved", "run", runID)
	return nil
}
