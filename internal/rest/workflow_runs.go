package rest

import (
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

// listRuns serves GET /repos/{owner}/{repo}/actions/runs.
func (a *API) listRuns(w http.ResponseWriter, r *http.Request) error {
	return a.writeRuns(w, r, 0)
}

// listWorkflowRuns serves GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs.
func (a *API) listWorkflowRuns(w http.ResponseWriter, r *http.Request) error {
	wf, err := a.workflow(r)
	if err != nil {
		return err
	}
	return a.writeRuns(w, r, wf.ID)
}

func (a *API) writeRuns(w http.ResponseWriter, r *http.Request, workflowID int64) error {
	c, l := callOf(r), listingOf(r)
	filter, none, err := a.runFilter(r, l.query)
	if err != nil {
		return err
	}
	filter.RepoID, filter.WorkflowID = c.repo.ID, workflowID
	var (
		runs  []*actions.Run
		total int
	)
	if !none {
		if runs, total, err = a.Store.Runs(r.Context(), filter, l.rows()); err != nil {
			return err
		}
	}
	answer := struct {
		Total int        `json:"total_count"`
		Runs  []*runJSON `json:"workflow_runs"`
	}{total, make([]*runJSON, 0, len(runs))}
	repo := shape.NewMinimalRepository(c.base, c.repo)
	for _, run := range runs {
		answer.Runs = append(answer.Runs, c.runJSON(run, repo))
	}
	l.link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// run finds the run of the path.
func (a *API) run(r *http.Request) (*actions.Run, error) {
	id, err := httpjson.PathID(r, "run_id")
	if err != nil {
		return nil, err
	}
	return a.Store.RepoRun(r.Context(), callOf(r).repo.ID, id)
}

// attempt finds the run and the attempt of the path.
func (a *API) attempt(r *http.Request) (*actions.Run, *actions.Attempt, error) {
	run, err := a.run(r)
	if err != nil {
		return nil, nil, err
	}
	number, err := strconv.Atoi(r.PathValue("attempt_number"))
	if err != nil {
		return nil, nil, errNotFound
	}
	at, err := a.Store.Attempt(r.Context(), run.ID, number)
	return run, at, err
}

// getRun serves GET /repos/{owner}/{repo}/actions/runs/{run_id}.
func (a *API) getRun(w http.ResponseWriter, r *http.Request) error {
	run, err := a.run(r)
	if err != nil {
		return err
	}
	c := callOf(r)
	return httpjson.Write(w, http.StatusOK, c.runJSON(run, shape.NewMinimalRepository(c.base, c.repo)))
}

// getAttempt serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}.
func (a *API) getAttempt(w http.ResponseWriter, r *http.Request) error {
	run, at, err := a.attempt(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, callOf(r).attemptJSON(run, at))
}

// cancelRun serves POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel.
func (a *API) cancelRun(w http.ResponseWriter, r *http.Request) error {
	return a.cancel(w, r, false)
}

// forceCancelRun serves POST /repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel.
func (a *API) forceCancelRun(w http.ResponseWriter, r *http.Request) error {
	return a.cancel(w, r, true)
}

func (a *API) cancel(w http.ResponseWriter, r *http.Request, force bool) error {
	run, err := a.run(r)
	if err != nil {
		return err
	}
	if err := a.Runs.Cancel(r.Context(), run.ID, force); err != nil {
		return err
	}
	return done(w, http.StatusAccepted)
}

// rerunRun serves POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun.
func (a *API) rerunRun(w http.ResponseWriter, r *http.Request) error {
	run, err := a.run(r)
	if err != nil {
		return err
	}
	var body struct {
		Debug bool `json:"enable_debug_logging"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if err := a.Runs.Rerun(r.Context(), run.ID, *callOf(r).caller.Account, body.Debug); err != nil {
		return err
	}
	return done(w, http.StatusCreated)
}

// deleteRun serves DELETE /repos/{owner}/{repo}/actions/runs/{run_id}.
func (a *API) deleteRun(w http.ResponseWriter, r *http.Request) error {
	run, err := a.run(r)
	if err != nil {
		return err
	}
	if err := a.Runs.Delete(r.Context(), run.ID); err != nil {
		return err
	}
	return noContent(w)
}
