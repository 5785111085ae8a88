package runnerapi

import (
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/wire"
)

// status is [httpjson.StatusOf] without 403: old runners read a bare one as
// "your version is too old" and stop (§4.2).
func status(err error) int {
	if k := actions.KindOf(err); k != actions.Forbidden {
		return httpjson.StatusOf(k)
	}
	return http.StatusNotFound
}

// text is what a caller may read of an error.
func text(err error) string {
	if actions.KindOf(err) == actions.Internal {
		return "Server Error"
	}
	return err.Error()
}

// An invalidSession tells a runner to open a new session (§4.2).
type invalidSession struct{ error }

// brokerError answers in the shape of §4.2. The runner deletes its
// configuration when it reads RunnerNotFound, so that is for runners that are
// really gone.
func brokerError(w http.ResponseWriter, err error) error {
	e := wire.BrokerError{Source: wire.BrokerSource, StatusCode: status(err), ErrorMessage: text(err)}
	if _, ok := err.(invalidSession); ok { //nolint:errorlint // made by the handler itself, never wrapped
		e.ErrorKind = wire.RunnerSessionInvalid
	} else if actions.KindOf(err) == actions.Gone {
		e.ErrorKind, e.StatusCode = wire.RunnerNotFound, http.StatusNotFound
	}
	if e.StatusCode == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	return httpjson.Write(w, e.StatusCode, e)
}

// runError answers in the shape of §5. What may pass is said with 503, which
// clients try again.
func runError(w http.ResponseWriter, err error) error {
	e := wire.RunServiceError{Source: wire.RunServiceSource, StatusCode: status(err), ErrorMessage: text(err)}
	switch actions.KindOf(err) { //nolint:exhaustive // the others are what their status says
	case actions.Internal:
		e.StatusCode = http.StatusServiceUnavailable
	case actions.Gone:
		e.StatusCode = http.StatusNotFound
	}
	return httpjson.Write(w, e.StatusCode, e)
}

// oauthError answers in the shape of §3.1, with a Content-Length: a chunked
// refusal is not recognised.
func oauthError(w http.ResponseWriter, err error) error {
	e := wire.TokenError{Error: "invalid_request", Description: text(err)}
	switch actions.KindOf(err) { //nolint:exhaustive // the others are the client's mistakes
	case actions.Internal, actions.Unavailable:
		e.Error = "server_error"
	case actions.NotFound, actions.Gone:
		e.Error = wire.ErrInvalidClient
	}
	body, err := httpjson.Marshal(e)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", httpjson.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusBadRequest)
	_, err = w.Write(body)
	return nil //nolint:nilerr // the connection's error is nobody's to handle
}

// restError answers as the REST API does.
func restError(w http.ResponseWriter, err error) error {
	if actions.KindOf(err) == actions.Unauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	return httpjson.WriteError(w, err, "https://docs.github.com/rest/actions/self-hosted-runners")
}
