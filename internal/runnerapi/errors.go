package runnerapi

import (
	"errors"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/wire"
)

// status is [httpjson.StatusOf] with two exceptions. There is no 403: old
// runners read a bare one as "your version is too old" and stop (SES-2). And an
// internal error is 503: clients retry that for minutes, and 500 only a few times.
func status(err error) int {
	switch k := actions.KindOf(err); k {
	case actions.Forbidden:
		return http.StatusNotFound
	case actions.Internal:
		return http.StatusServiceUnavailable
	default:
		return httpjson.StatusOf(k)
	}
}

// challenge makes clients fetch a new token: some send none before they read it.
func challenge(w http.ResponseWriter, status int) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
}

// brokerError answers in the shape of SES-2. RunnerSessionInvalid tells the runner
// to open a new session. RunnerNotFound makes it delete its configuration, so only
// runners that were removed get that.
func brokerError(w http.ResponseWriter, err error) error {
	e := wire.BrokerError{Source: wire.BrokerSource, StatusCode: status(err), ErrorMessage: actions.Text(err)}
	if _, ok := errors.AsType[*runners.SessionError](err); ok {
		e.ErrorKind = wire.RunnerSessionInvalid
	} else if actions.KindOf(err) == actions.Gone {
		e.ErrorKind, e.StatusCode = wire.RunnerNotFound, http.StatusNotFound
	}
	challenge(w, e.StatusCode)
	return httpjson.Write(w, e.StatusCode, e)
}

// runError answers in the shape of JOB-1.
func runError(w http.ResponseWriter, err error) error {
	e := wire.RunServiceError{Source: wire.RunServiceSource, StatusCode: status(err), ErrorMessage: actions.Text(err)}
	if actions.KindOf(err) == actions.Gone { // the next poll says so
		e.StatusCode = http.StatusNotFound
	}
	challenge(w, e.StatusCode)
	return httpjson.Write(w, e.StatusCode, e)
}

// oauthError answers in the shape of AUTH-1: always 400, with a Content-Length,
// without which the refusal is not recognised.
func oauthError(w http.ResponseWriter, err error) error {
	e := wire.TokenError{Error: "invalid_request", Description: actions.Text(err)}
	switch actions.KindOf(err) { //nolint:exhaustive // the others are the client's mistakes
	case actions.Internal, actions.Unavailable:
		e.Error = "server_error"
	case actions.NotFound, actions.Gone:
		e.Error = wire.ErrInvalidClient
	}
	return httpjson.Write(w, http.StatusBadRequest, e)
}

// oldError answers in the shape of OLD-1, for the routes of the old protocol.
func oldError(w http.ResponseWriter, err error) error {
	e := struct {
		Message  string `json:"message"`
		TypeName string `json:"typeName"`
		TypeKey  string `json:"typeKey"`
	}{Message: actions.Text(err)}
	code := status(err)
	_, expired := errors.AsType[*runners.SessionError](err)
	switch actions.KindOf(err) { //nolint:exhaustive // clients know no names for the others
	case actions.Conflict:
		e.TypeKey = "TaskAgentSessionConflictException"
	case actions.Gone:
		e.TypeKey, code = "TaskAgentNotFoundException", http.StatusNotFound
	}
	if expired {
		e.TypeKey, code = "TaskAgentSessionExpiredException", http.StatusForbidden
	}
	if e.TypeKey != "" {
		e.TypeName = "GitHub.DistributedTask.WebApi." + e.TypeKey + ", Sdk"
	}
	challenge(w, code)
	return httpjson.Write(w, code, e)
}

// restError answers as the REST API does.
func restError(w http.ResponseWriter, err error) error {
	challenge(w, httpjson.StatusOf(actions.KindOf(err)))
	return httpjson.WriteError(w, err, "https://docs.github.com/rest/actions/self-hosted-runners")
}
