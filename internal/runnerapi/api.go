// Package runnerapi is what a runner speaks: GitHub's V2 flow of registration,
// OAuth token, broker and run service, action resolution, and the live console.
//
// A runner proves itself with a key pair: it signs an assertion, gets a runner
// token, opens its session and polls. A poll is held until the queue has a
// message for it. The runner acquires the job that it is offered: package assign
// describes the job, and this package writes the description as the job message.
// With the job's own token the runner then renews, reports and completes. Who is
// asking is always taken from the token, never from a body.
//
// Every URL that a runner is given begins with the address at which that runner
// reached the server, and ends in a slash. Clients add another slash when they
// join paths, so requests come through [httpjson.SingleSlashes].
// Errors have the shapes that runners look for, and none is a bare 403, which
// old runners read as an order to stop.
package runnerapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/assign"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/builtin"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/upstream"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Config is what the surface needs. The fields are required but for those after
// the empty line.
type Config struct {
	Store     *store.Store
	Auth      *auth.Auth
	Jobs      *auth.Jobs
	Queue     *queue.Queue
	Scheduler *scheduler.Scheduler
	Runners   *runners.Runners
	Assigner  *assign.Assigner
	Logs      *logs.Logs
	Git       *gitrepo.Git
	Settings  *settings.Settings
	Policy    *policy.Policy
	Upstream  *upstream.Upstream
	Keys      *token.Keys
	Log       *slog.Logger
	Now       func() time.Time

	Builtin        *builtin.Set   // nil for none
	BuiltinPolicy  builtin.Policy // when they are used; "" is builtin.Fallback
	NoToolkitPatch bool           // archives of actions are served as they are
	ResolveTime    time.Duration  // for which an answer waits for actions of other hosts; 0 is a minute
}

// An API serves runners.
type API struct {
	Config
	mux *http.ServeMux
}

// New makes the surface.
func New(c Config) *API {
	a := &API{Config: c, mux: http.NewServeMux()}
	for pattern, h := range map[string]struct {
		serve handler
		fail  func(w http.ResponseWriter, err error) error
	}{
		"POST /" + wire.RegistrationPath:                                          {a.exchangeToken, restError},
		"POST /" + wire.RegisterPath:                                              {a.register, restError},
		"POST /_runner/token/{$}":                                                 {a.oauthToken, oauthError},
		"POST /_runner/broker/session":                                            {a.createSession, brokerError},
		"DELETE /_runner/broker/session":                                          {a.deleteSession, brokerError},
		"GET /_runner/broker/message":                                             {a.message, brokerError},
		"POST /_runner/broker/acknowledge":                                        {a.acknowledge, brokerError},
		"POST /_runner/run/acquirejob":                                            {a.acquireJob, runError},
		"POST /_runner/run/renewjob":                                              {a.renewJob, runError},
		"POST /_runner/run/completejob":                                           {a.completeJob, runError},
		"GET /_runner/feed/{job}":                                                 {a.feed, restError},
		"GET /_runner/actions/{repo}/{sha}/{file}":                                {a.actionArchive, restError},
		"GET /_runner/broker/_apis/connectionData":                                {a.connectionData, restError},
		"POST /_runner/broker/_apis/distributedtask/pools/{pool}/sessions":        {a.migrateSession, oldError},
		"DELETE /_runner/broker/_apis/distributedtask/pools/{pool}/sessions/{id}": {a.deleteSession, oldError},
		"GET /_runner/broker/_apis/distributedtask/pools/{pool}/messages":         {a.oldMessages, oldError},
		"POST /actions/build/{plan}/jobs/{job}/runnerresolve/actions":             {a.resolveActions, restError},
	} {
		a.mux.Handle(pattern, a.wrap(h.serve, h.fail))
	}
	return a
}

type handler func(w http.ResponseWriter, r *http.Request) error

// wrap turns errors into answers; nothing else does. An internal error is logged,
// and the caller learns only that there was one.
func (a *API) wrap(h handler, fail func(http.ResponseWriter, error) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		if over := r.Context().Err(); over != nil && errors.Is(err, over) {
			err = actions.Errorf(actions.Unavailable, "the server is stopping") // for a client that still listens
		}
		if actions.KindOf(err) == actions.Internal {
			a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
		}
		if err := fail(w, err); err != nil {
			a.Log.ErrorContext(r.Context(), "error not answered", "route", r.Pattern, "err", err)
		}
	})
}

// ServeHTTP serves the runner protocol: below /_runner, the resolution of actions,
// and, without the prefix of the REST API, the calls by which runners register.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// A base is the address at which a runner reaches the server: "https://ci.example".
type base string

func baseOf(r *http.Request) base { return base(httpjson.Base(r).HTML) }

func (b base) broker() string { return string(b) + wire.BrokerPath }
func (b base) token() string  { return string(b) + wire.TokenPath }
func (b base) run() string    { return string(b) + wire.RunPath }

// callingRunner is the registered runner whose token the request carries. A
// runner that was deleted is Gone.
func (a *API) callingRunner(r *http.Request) (*actions.Runner, error) {
	text, err := httpjson.Bearer(r)
	if err != nil {
		return nil, err
	}
	return a.Runners.Authenticate(r.Context(), text)
}

// callingJob is the job for which the request's token reports. It may be completed.
func (a *API) callingJob(r *http.Request) (*actions.Job, error) {
	job, t, err := a.Jobs.Runner(r)
	if actions.KindOf(err) == actions.Forbidden { // never a bare 403 (SES-2)
		err = actions.Errorf(actions.NotFound, "%s", actions.Text(err))
	}
	if err != nil {
		return nil, err
	}
	if plan := r.PathValue("plan"); plan != "" && !strings.EqualFold(plan, t.PlanGUID) {
		return nil, actions.Errorf(actions.NotFound, "plan %.60q is not the token's", plan)
	}
	return job, nil
}

// detachedTime is how long a write may go on when its caller has hung up.
const detachedTime = time.Minute

// detached is a context for a write that outlives its request.
func detached(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), detachedTime)
}
