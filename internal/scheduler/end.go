package scheduler

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// EndRuns ends all runs of a repository at once, as [Scheduler.Cancel] does with force.
func (s *Scheduler) EndRuns(ctx context.Context, repoID int64) error {
	for {
		ids, err := s.store.OpenRuns(ctx, repoID, 100)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			switch err := s.Cancel(ctx, id, true); actions.KindOf(err) {
			case "", actions.Conflict, actions.NotFound: // it may have ended by itself
			default:
				return err
			}
		}
	}
}
