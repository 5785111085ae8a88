package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/wire"
)

// ErrRemoved says that this runner was deleted on the server. Its configuration has been
// deleted, too.
var ErrRemoved = errors.New("the registration of this runner has been deleted on the server")

// ErrUnknown says that the server does not know this runner: it was deleted long ago, or
// while it was away, or the server has other data now. Its configuration stays, since the
// data may come back.
var ErrUnknown = errors.New("the server does not know this runner: either it was deleted there, then register it anew with --replace, " +
	"or the server has older data, or another's")

// ErrRunning says that another process holds the runner's root.
var ErrRunning = errors.New("this runner is running already")

// ErrNotConfigured says that a root has no configuration.
var ErrNotConfigured = errors.New("no runner is configured here")

// A statusError is an answer other than 2xx.
type statusError struct {
	call   string // method and path, without the query: that may be a signature
	status int
	body   []byte // the beginning of it
}

func (e *statusError) Error() string {
	text := strings.TrimSpace(string(e.body))
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	if text == "" {
		text = http.StatusText(e.status)
	}
	return fmt.Sprintf("%s: status %d: %s", e.call, e.status, text)
}

// statusOf is the HTTP status of err, 0 if it is not an answer.
func statusOf(err error) int {
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	return 0
}

// brokerKind is the kind of a broker's error, "" for any other error.
func brokerKind(err error) string {
	e, ok := errors.AsType[*statusError](err)
	if !ok {
		return ""
	}
	var b wire.BrokerError
	if json.Unmarshal(e.body, &b) != nil || b.Source != wire.BrokerSource {
		return ""
	}
	return b.ErrorKind
}

// runServiceStatus is the status in a run service's error, 0 for any other
// error. Only this one counts: a bare 404 may come from a proxy.
func runServiceStatus(err error) int {
	e, ok := errors.AsType[*statusError](err)
	if !ok {
		return 0
	}
	var b wire.RunServiceError
	if json.Unmarshal(e.body, &b) != nil || b.Source != wire.RunServiceSource {
		return 0
	}
	return b.StatusCode
}

// transient reports whether a repetition of the call may succeed: the server
// was not reached, or is starting, stopping or overloaded. A 401 is transient
// too, for a starting server may not know its keys yet; who repeats calls has a
// limit for it.
func transient(err error) bool {
	if isFinal(err) || errors.Is(err, ErrRemoved) || errors.Is(err, ErrUnknown) {
		return false
	}
	e, ok := errors.AsType[*statusError](err)
	if !ok {
		return true
	}
	switch e.status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return e.status >= 500 && e.status != http.StatusNotImplemented
}

// A finalError is an error that no repetition mends.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

func forGood(err error) error { return &finalError{err} }

func isFinal(err error) bool {
	_, ok := errors.AsType[*finalError](err)
	return ok
}

// away reports whether err says that there was no server to answer.
func away(err error) bool {
	switch statusOf(err) {
	case 0, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
