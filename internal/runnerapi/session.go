package runnerapi

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/wire"
)

// createSession serves POST session (SES-1). It is a conflict while another session
// of the runner polls.
func (a *API) createSession(w http.ResponseWriter, r *http.Request) error {
	s, runner, err := a.session(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, wire.Session{
		SessionID: s.ID, OwnerName: s.Owner, Agent: wire.Agent{ID: wire.Int(runner.ID), Name: runner.Name},
	})
}

// session opens the session that a request asks for.
func (a *API) session(r *http.Request) (*actions.Session, *actions.Runner, error) {
	runner, err := a.callingRunner(r)
	if err != nil {
		return nil, nil, err
	}
	var req wire.Session
	if err := httpjson.Decode(r, &req, 1<<16); err != nil {
		return nil, nil, err
	}
	s, err := a.Runners.OpenSession(r.Context(), runner, req.OwnerName)
	return s, runner, err
}

// deleteSession serves DELETE session. The request names no session: it ends that
// of the calling runner.
func (a *API) deleteSession(w http.ResponseWriter, r *http.Request) error {
	runner, err := a.callingRunner(r)
	if err != nil {
		return err
	}
	if err := a.Runners.EndSession(r.Context(), runner); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
