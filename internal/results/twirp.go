package results

import (
	"errors"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A service is the methods of a Twirp service by name.
type service map[string]method

// A method answers one call, which has the caller's request in it.
type method func(c *call) (any, error)

// A call is one request of a job.
type call struct {
	*http.Request
	token token.Job
	job   *actions.Job
}

const (
	maxCall      = 8 << 20 // bytes of a request
	maxShortCall = 1 << 20 // of one about artifacts or caches
)

// twirp serves POST /twirp/{service}/{method}.
func (a *API) twirp(w http.ResponseWriter, r *http.Request) {
	answer, err := a.dispatch(r)
	if err == nil {
		err = httpjson.Write(w, http.StatusOK, answer)
	}
	if err == nil || r.Context().Err() != nil {
		return
	}
	a.note(r.Context(), r.URL.Path, err)
	setRetryAfter(w.Header(), err)
	status, body := twirpError(err)
	if err := httpjson.Write(w, status, body); err != nil {
		a.Log.ErrorContext(r.Context(), "error not answered", "route", r.URL.Path, "err", err)
	}
}

func (a *API) dispatch(r *http.Request) (any, error) {
	name, m := a.method(r.URL.Path)
	if m == nil || r.Method != http.MethodPost || strings.HasPrefix(r.Header.Get("Content-Type"), "application/protobuf") {
		return nil, badRoute{actions.Errorf(actions.NotFound, "no handler for %s %.200q, or not in JSON", r.Method, r.URL.Path)}
	}
	find := a.Jobs.Runner
	if a.forSteps[name] {
		find = a.Jobs.Steps
	}
	c, err := a.authenticate(r, find)
	if err != nil {
		return nil, err
	}
	return m(c)
}

// method is the method that a path names, nil if there is none, and its service.
func (a *API) method(path string) (name string, m method) {
	words := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	if len(words) != 3 || words[0] != strings.Trim(twirpRoot, "/") {
		return "", nil
	}
	return words[1], a.services[words[1]][words[2]]
}

// authenticate finds the job that calls, by the token that the request carries.
func (a *API) authenticate(r *http.Request, find func(*http.Request) (*actions.Job, *token.Job, error)) (*call, error) {
	job, t, err := find(r)
	if actions.KindOf(err) == actions.NotFound {
		err = actions.Errorf(actions.Unauthorized, "the job of the token is deleted")
	}
	if err != nil {
		return nil, err
	}
	return &call{Request: r, token: *t, job: job}, job.MayShow(a.Now())
}

// decode reads the request into v, whose ids must be the token's.
func (c *call) decode(v any, ids *wire.ResultsIDs) error {
	return c.read(v, ids, maxCall, true)
}

// decodeRun reads a short request into v that may be about another job of the
// token's run.
func (c *call) decodeRun(v any, ids *wire.ResultsIDs) error {
	return c.read(v, ids, maxShortCall, false)
}

// decodeOwn reads a short request into v that is about the token's own job.
func (c *call) decodeOwn(v any, ids *wire.ResultsIDs) error {
	return c.read(v, ids, maxShortCall, true)
}

func (c *call) read(v any, ids *wire.ResultsIDs, limit int64, own bool) error {
	if err := httpjson.Decode(c.Request, v, limit); err != nil {
		return err
	}
	if !strings.EqualFold(ids.RunID, c.token.PlanGUID) || own && !strings.EqualFold(ids.JobID, c.job.GUID) {
		return errForeign
	}
	return nil
}

var errForeign = actions.Errorf(actions.Forbidden, "the ids of the request are not those of the token")

// badRoute is Twirp's word for a method that is not there.
type badRoute struct{ error }

func (e badRoute) Unwrap() error { return e.error }

// twirpError is the answer to an error. The codes and their statuses are Twirp's.
func twirpError(err error) (int, wire.TwirpError) {
	code, status := "internal", http.StatusInternalServerError
	switch actions.KindOf(err) {
	case actions.Malformed, actions.Invalid:
		code, status = "invalid_argument", http.StatusBadRequest
	case actions.Unauthorized:
		code, status = "unauthenticated", http.StatusUnauthorized
	case actions.Forbidden:
		code, status = "permission_denied", http.StatusForbidden
	case actions.NotFound, actions.Gone:
		code, status = "not_found", http.StatusNotFound
	case actions.Conflict, actions.NotAllowed:
		code, status = "failed_precondition", http.StatusPreconditionFailed
	case actions.TooMany:
		code, status = "resource_exhausted", http.StatusTooManyRequests
	case actions.Unavailable:
		code, status = "unavailable", http.StatusServiceUnavailable
	case actions.Internal:
	}
	if errors.Is(err, artifact.ErrExists) || errors.Is(err, cache.ErrExists) {
		code, status = "already_exists", http.StatusConflict
	}
	e := wire.TwirpError{Code: code, Msg: httpjson.Message(err)}
	if b, ok := err.(badRoute); ok { //nolint:errorlint // made by the dispatcher, never wrapped
		e.Code, e.Msg = "bad_route", b.Error()
	}
	return status, e
}
