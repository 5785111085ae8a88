package runs

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A lockedJSON is what an action that a run uses stood for.
type lockedJSON struct {
	Name    string               `json:"name"`
	Ref     string               `json:"ref"`
	SHA     string               `json:"sha"`
	Origin  actions.ActionOrigin `json:"origin"`
	Host    *string              `json:"host"`
	KeptAt  *string              `json:"kept_at"`
	AskedAt *string              `json:"asked_at"`
}

// locked serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/actions, which GitHub does
// not have: those of the newest attempt.
func (p *page) locked(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	return p.writeLocked(w, r, run.ID, run.Attempt)
}

// lockedOfAttempt serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/actions.
func (p *page) lockedOfAttempt(w http.ResponseWriter, r *http.Request) error {
	run, at, err := rest.PathAttempt(r, p.store)
	if err != nil {
		return err
	}
	return p.writeLocked(w, r, run.ID, at.Number)
}

func (p *page) writeLocked(w http.ResponseWriter, r *http.Request, runID int64, attempt int) error {
	l := rest.ListingOf(r)
	list, total, err := p.store.LockedActions(r.Context(), runID, attempt, l.Page)
	if err != nil {
		return err
	}
	answer := struct {
		Total   int          `json:"total_count"`
		Attempt int          `json:"run_attempt"`
		Actions []lockedJSON `json:"actions"`
	}{total, attempt, make([]lockedJSON, 0, len(list))}
	for _, a := range list {
		answer.Actions = append(answer.Actions, lockedJSON{a.Name, a.Ref, a.SHA, a.Origin, shape.Null(a.Host), shape.NullTime(a.KeptAt), shape.NullTime(a.AskedAt)})
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}
