package results

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// The services below /_apis/ are those that actions called before there were
// Twirp services: artifacts of version 3 and caches of version 1. They carry a token
// of the job, too, that of its steps or its runner's, and are for jobs in progress only.
const legacyRoot = "/_apis/"

// A handler serves one call of a job, or returns why it cannot.
type handler func(w http.ResponseWriter, c *call) error

// legacy is the table of the older services.
func (a *API) legacy() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(legacyRoot, a.forJobs(func(http.ResponseWriter, *call) error {
		return actions.Errorf(actions.NotFound, "no such service")
	}))
	for pattern, h := range a.artifactsV3() {
		mux.Handle(pattern, a.forJobs(h))
	}
	for pattern, h := range a.cachesV1() {
		mux.Handle(pattern, a.forJobs(asCacheV1(h)))
	}
	return mux
}

// forJobs finds the job that calls, and answers errors as the older services
// do: the clients look at the status and show the body.
func (a *API) forJobs(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		c, err := a.authenticate(r, a.Jobs.Steps)
		if err == nil {
			err = actions.Running(c.job.ID, c.job.Status)
		}
		if err == nil {
			err = h(w, c)
		}
		if err == nil || r.Context().Err() != nil {
			return
		}
		a.note(r.Context(), r.Pattern, err)
		body := struct {
			Message string `json:"message"`
		}{httpjson.Message(err)}
		if err := httpjson.Write(w, legacyStatus(err), body); err != nil {
			a.Log.ErrorContext(r.Context(), "error not answered", "route", r.Pattern, "err", err)
		}
	})
}

// legacyStatus is the status for an error. To these clients 400 is a bad name
// and 403 a quota (ART-10), and both end their tries.
func legacyStatus(err error) int {
	switch kind := actions.KindOf(err); kind {
	case actions.Invalid:
		return http.StatusBadRequest
	case actions.TooMany:
		return http.StatusForbidden
	default:
		return httpjson.StatusOf(kind)
	}
}
