package logs

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Programs read in the answer whether it makes sense to ask again: logs that have
// been there are Gone; those that are not yet, or never were, are NotFound.
var (
	errGone = actions.Errorf(actions.Gone, "The logs for this run have expired and are no longer available.")
	errNone = actions.Errorf(actions.NotFound, "there are no logs")
)

// Available is nil if one of the jobs has a log.
func (l *Logs) Available(ctx context.Context, jobs ...*actions.Job) error {
	missing := errNone
	for _, j := range jobs { // mostly it is the first that ran
		if j.StartedAt.IsZero() {
			continue
		}
		_, parts, err := l.store.LogSize(ctx, j.ID)
		if err != nil || parts > 0 {
			return err
		}
		if j.Status == actions.Completed {
			missing = errGone
		}
	}
	return missing
}

// Delete removes the logs of all attempts of a run. A run that goes on keeps them,
// which is Forbidden; one that has none is NotFound.
func (l *Logs) Delete(ctx context.Context, runID int64) error {
	return l.store.Update(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, runID)
		if err != nil {
			return err
		}
		if run.Status != actions.Completed {
			return actions.Errorf(actions.Forbidden, "Logs cannot be deleted while the workflow run is not completed")
		}
		return tx.DeleteLogs(ctx, run.ID, l.now())
	})
}
