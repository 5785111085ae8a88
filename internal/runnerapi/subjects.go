package runnerapi

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// keepSubjects keeps what the steps of a job have declared to have made. If it cannot,
// that is only logged: the end of the job counts more.
func (a *API) keepSubjects(ctx context.Context, job *actions.Job, given []wire.Subject) {
	if len(given) == 0 || job.Status == actions.Completed {
		return
	}
	list := make([]actions.Subject, len(given))
	for i, s := range given {
		list[i] = actions.Subject(s)
	}
	if err := a.Logs.PutSubjects(ctx, job, list); err != nil {
		a.Log.WarnContext(ctx, "declared artifacts not kept", "job", job.ID, "err", err)
	}
}
