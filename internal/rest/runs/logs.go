package runs

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest"
)

// downloadLogs serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/logs.
func (p *page) downloadLogs(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	return p.redirectToLogs(w, r, run, run.Attempt)
}

// downloadAttemptLogs serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/logs.
func (p *page) downloadAttemptLogs(w http.ResponseWriter, r *http.Request) error {
	run, at, err := rest.PathAttempt(r, p.store)
	if err != nil {
		return err
	}
	return p.redirectToLogs(w, r, run, at.Number)
}

func (p *page) redirectToLogs(w http.ResponseWriter, r *http.Request, run *actions.Run, attempt int) error {
	jobs, err := p.store.Jobs(r.Context(), run.ID, attempt)
	if err != nil {
		return err
	}
	if err := p.logs.Available(r.Context(), jobs...); err != nil {
		return err
	}
	to, err := p.logURL(r.Context(), rest.CallOf(r).Base.HTML, run, attempt)
	return rest.Redirect(w, to, err)
}

// deleteLogs serves DELETE /repos/{owner}/{repo}/actions/runs/{run_id}/logs.
func (p *page) deleteLogs(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	if err := p.logs.Delete(r.Context(), run.ID); err != nil {
		return err
	}
	return rest.NoContent(w)
}
