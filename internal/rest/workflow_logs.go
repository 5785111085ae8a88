package rest

import (
	"context"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Logs are read behind a redirect, by whoever has its URL. Where there are none
// the answer comes before it, as programs expect: 410 for logs that have been
// there, and 404 for those that are not yet, or never were.
var errLogsGone = actions.Errorf(actions.Gone, "The logs for this run have expired and are no longer available.")

// downloadRunLogs serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/logs.
func (a *API) downloadRunLogs(w http.ResponseWriter, r *http.Request) error {
	run, err := a.run(r)
	if err != nil {
		return err
	}
	return a.redirectToRunLogs(w, r, run, run.Attempt)
}

// downloadAttemptLogs serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/logs.
func (a *API) downloadAttemptLogs(w http.ResponseWriter, r *http.Request) error {
	run, at, err := a.attempt(r)
	if err != nil {
		return err
	}
	return a.redirectToRunLogs(w, r, run, at.Number)
}

func (a *API) redirectToRunLogs(w http.ResponseWriter, r *http.Request, run *actions.Run, attempt int) error {
	jobs, err := a.Store.Jobs(r.Context(), run.ID, attempt)
	if err != nil {
		return err
	}
	if err := a.anyLogs(r.Context(), jobs...); err != nil {
		return err
	}
	to, err := a.RunLogURL(r, run, attempt)
	return redirect(w, to, err)
}

// downloadJobLogs serves GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs.
func (a *API) downloadJobLogs(w http.ResponseWriter, r *http.Request) error {
	j, err := a.job(r)
	if err != nil {
		return err
	}
	if err := a.anyLogs(r.Context(), j); err != nil {
		return err
	}
	to, err := a.JobLogURL(r, j)
	return redirect(w, to, err)
}

// anyLogs is nil if one of the jobs has a log. Mostly it is the first that ran.
func (a *API) anyLogs(ctx context.Context, jobs ...*actions.Job) error {
	missing := errNotFound
	for _, j := range jobs {
		if j.StartedAt.IsZero() {
			continue
		}
		_, parts, err := a.Store.LogSize(ctx, j.ID)
		if err != nil || parts > 0 {
			return err
		}
		if j.Status == actions.Completed {
			missing = errLogsGone
		}
	}
	return missing
}

// deleteRunLogs serves DELETE /repos/{owner}/{repo}/actions/runs/{run_id}/logs.
func (a *API) deleteRunLogs(w http.ResponseWriter, r *http.Request) error {
	found, err := a.run(r)
	if err != nil {
		return err
	}
	err = a.Store.Update(r.Context(), func(tx *store.Tx) error {
		run, err := tx.Run(r.Context(), found.ID)
		if err != nil {
			return err
		}
		if run.Status != actions.Completed {
			return actions.Errorf(actions.Forbidden, "Logs cannot be deleted while the workflow run is not completed")
		}
		return tx.DeleteLogs(r.Context(), run.ID, a.Now())
	})
	if err != nil {
		return err
	}
	return noContent(w)
}
