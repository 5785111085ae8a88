package runnerapi

import (
	"context"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/toolkit"
)

// hostAdvice is what to do where the Actions toolkit has refused this server's host. Only
// the archives of actions pass through the server: what a runner of GitHub's runs from the
// workspace, it runs as it is.
const hostAdvice = "##[warning]An action with the Actions toolkit refused to work on this server because of the server's host name. " +
	"The server lifts that check in actions that it hands out (uses: owner/repo@ref and uses: $/path), not in actions of the workspace (uses: ./path), " +
	"nor where the check is unknown. Start the server with --job-server-url http://NAME.localhost:PORT to have all of them work."

// adviseOnHosts says in the log of a job what to do about an action that has refused to
// work here. If it cannot, that is only logged.
func (a *API) adviseOnHosts(ctx context.Context, job *actions.Job, res *scheduler.Result) {
	refused := slices.ContainsFunc(res.Annotations, func(n *actions.Annotation) bool { return toolkit.Refused(n.Message) })
	if !refused || job.Status == actions.Completed {
		return
	}
	if err := a.Logs.Note(ctx, job, a.Logs.NewPart(), hostAdvice); err != nil {
		a.Log.WarnContext(ctx, "advice not noted in the log of its job", "job", job.ID, "err", err)
	}
}
