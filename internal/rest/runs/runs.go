// Package runs is the page "Workflow runs" of the reference, with the logs of whole
// runs.
package runs

import (
	"context"
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what the page needs.
type Config struct {
	Store     *store.Store
	Scheduler *scheduler.Scheduler
	Logs      *logs.Logs
	Now       func() time.Time

	// LogURL signs a URL, good for a minute and for whoever has it, of an attempt's
	// logs as a zip archive; base is that of pages.
	LogURL func(ctx context.Context, base string, run *actions.Run, attempt int) (string, error)
}

// Routes are the operations of the page.
func Routes(c Config) []rest.Route {
	const (
		repo    = "/repos/{owner}/{repo}/actions"
		run     = repo + "/runs/{run_id}"
		attempt = run + "/attempts/{attempt_number}"
		docs    = "rest/actions/workflow-runs#"
	)
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "actions"}
	p := &page{c.Store, c.Scheduler, c.Logs, c.Now, c.LogURL}
	return []rest.Route{
		{Pattern: "GET " + repo + "/runs", Handle: p.list, Docs: docs + "list-workflow-runs-for-a-repository", Need: auth.ReadRuns, Polled: true},
		{Pattern: "GET " + repo + "/workflows/{workflow_id}/runs", Handle: p.listOfWorkflow, Docs: docs + "list-workflow-runs-for-a-workflow", Need: auth.ReadRuns, Polled: true},
		{Pattern: "GET " + run, Handle: p.get, Docs: docs + "get-a-workflow-run", Need: auth.ReadRuns, Polled: true},
		{Pattern: "DELETE " + run, Handle: p.remove, Docs: docs + "delete-a-workflow-run", Need: write},
		{Pattern: "GET " + attempt, Handle: p.getAttempt, Docs: docs + "get-a-workflow-run-attempt", Need: auth.ReadRuns, Polled: true},
		{Pattern: "POST " + run + "/cancel", Handle: p.cancel, Docs: docs + "cancel-a-workflow-run", Need: write},
		{Pattern: "POST " + run + "/force-cancel", Handle: p.forceCancel, Docs: docs + "force-cancel-a-workflow-run", Need: write},
		{Pattern: "POST " + run + "/approve", Handle: p.approve, Docs: docs + "approve-a-workflow-run-for-a-fork-pull-request", Need: write},
		{Pattern: "POST " + run + "/rerun", Handle: p.rerun, Docs: docs + "re-run-a-workflow", Need: write},
		{Pattern: "GET " + run + "/logs", Handle: p.downloadLogs, Docs: docs + "download-workflow-run-logs", Need: auth.DownloadRuns},
		{Pattern: "GET " + attempt + "/logs", Handle: p.downloadAttemptLogs, Docs: docs + "download-workflow-run-attempt-logs", Need: auth.DownloadRuns},
		{Pattern: "GET " + run + "/timing", Handle: p.timing, Docs: docs + "get-workflow-run-usage", Need: auth.ReadRuns},
		{Pattern: "GET " + run + "/actions", Handle: p.locked, Need: auth.ReadRuns},
		{Pattern: "GET " + attempt + "/actions", Handle: p.lockedOfAttempt, Need: auth.ReadRuns},
		{Pattern: "DELETE " + run + "/logs", Handle: p.deleteLogs, Docs: docs + "delete-workflow-run-logs", Need: write},
	}
}

type page struct {
	store     *store.Store
	scheduler *scheduler.Scheduler
	logs      *logs.Logs
	now       func() time.Time
	logURL    func(ctx context.Context, base string, run *actions.Run, attempt int) (string, error)
}

// list serves GET /repos/{owner}/{repo}/actions/runs.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	return p.write(w, r, 0)
}

// listOfWorkflow serves GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs.
func (p *page) listOfWorkflow(w http.ResponseWriter, r *http.Request) error {
	wf, err := rest.PathWorkflow(r, p.store)
	if err != nil {
		return err
	}
	return p.write(w, r, wf.ID)
}

func (p *page) write(w http.ResponseWriter, r *http.Request, workflowID int64) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	filter, none, err := p.filter(r, l.Query)
	if err != nil {
		return err
	}
	filter.RepoID, filter.WorkflowID = c.Repo.ID, workflowID
	var (
		runs  []*actions.Run
		total int
	)
	if !none {
		if runs, total, err = p.store.Runs(r.Context(), filter, l.Page); err != nil {
			return err
		}
	}
	answer := struct {
		Total int                  `json:"total_count"`
		Runs  []*shape.WorkflowRun `json:"workflow_runs"`
	}{total, make([]*shape.WorkflowRun, 0, len(runs))}
	repo := shape.NewMinimalRepository(c.Base, c.Repo)
	for _, run := range runs {
		answer.Runs = append(answer.Runs, shape.NewWorkflowRun(c.Base, run, repo))
	}
	if err := p.addPulls(r, runs, answer.Runs...); err != nil {
		return err
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// get serves GET /repos/{owner}/{repo}/actions/runs/{run_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	v := shape.NewWorkflowRun(c.Base, run, shape.NewMinimalRepository(c.Base, c.Repo))
	if err := p.addPulls(r, []*actions.Run{run}, v); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, v)
}

// getAttempt serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}.
func (p *page) getAttempt(w http.ResponseWriter, r *http.Request) error {
	run, at, err := rest.PathAttempt(r, p.store)
	if err != nil {
		return err
	}
	v := newAttempt(rest.CallOf(r), run, at)
	if err := p.addPulls(r, []*actions.Run{run}, v); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, v)
}

// cancel serves POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel.
func (p *page) cancel(w http.ResponseWriter, r *http.Request) error {
	return p.end(w, r, false)
}

// forceCancel serves POST /repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel.
func (p *page) forceCancel(w http.ResponseWriter, r *http.Request) error {
	return p.end(w, r, true)
}

func (p *page) end(w http.ResponseWriter, r *http.Request, force bool) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	if err := p.scheduler.Cancel(r.Context(), run.ID, force); err != nil {
		return err
	}
	return rest.Done(w, http.StatusAccepted)
}

// approve serves POST /repos/{owner}/{repo}/actions/runs/{run_id}/approve. A run cannot
// approve another one.
func (p *page) approve(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	if c.Caller.Job() != 0 {
		return actions.Errorf(actions.Forbidden, "Resource not accessible by integration")
	}
	if err := p.scheduler.Approve(r.Context(), c.Repo, run.ID); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, struct{}{})
}

// rerun serves POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun.
func (p *page) rerun(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	var body struct {
		Debug bool `json:"enable_debug_logging"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if err := p.scheduler.Rerun(r.Context(), run.ID, *rest.CallOf(r).Caller.Account, body.Debug); err != nil {
		return err
	}
	return rest.Done(w, http.StatusCreated)
}

// remove serves DELETE /repos/{owner}/{repo}/actions/runs/{run_id}.
func (p *page) remove(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	if err := p.scheduler.Delete(r.Context(), run.ID); err != nil {
		return err
	}
	return rest.NoContent(w)
}
