package rest

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/version"
)

// Config is what the API needs. All fields are required but ArtifactQuota.
type Config struct {
	Store *store.Store
	Auth  *auth.Auth
	Git   *gitrepo.Git
	Log   *slog.Logger
	Now   func() time.Time

	Caches *cache.Caches

	Runs     Runs
	Dispatch func(ctx context.Context, d *Dispatch) (runID int64, err error)

	// RunLogURL and JobLogURL sign URLs, good for a minute, of an attempt's
	// logs as a zip archive and of a job's log as text.
	RunLogURL func(r *http.Request, run *actions.Run, attempt int) (string, error)
	JobLogURL func(r *http.Request, job *actions.Job) (string, error)

	Artifacts     *artifact.Artifacts
	ArtifactURL   func(r *http.Request, art *actions.Artifact) (string, error) // good for a minute, and for whoever has it
	ArtifactDays  int                                                          // how long artifacts are kept where a repository says nothing
	ArtifactQuota int64                                                        // bytes of a repository's artifacts; 0 for no limit
}

// Runs moves runs; *scheduler.Scheduler does.
type Runs interface {
	Cancel(ctx context.Context, runID int64, force bool) error
	Rerun(ctx context.Context, runID int64, who actions.Account, debug bool) error
	Delete(ctx context.Context, runID int64) error
}

// A Dispatch asks for a run of one workflow by hand. It converts to
// trigger.Dispatch.
type Dispatch struct {
	Base     shape.Base
	Repo     *actions.Repository
	Workflow *actions.Workflow
	Ref      string            // branch or tag, short or in full
	Inputs   map[string]string // as given; texts of booleans and numbers as JSON writes them
	Actor    *actions.Account
}

// An API answers requests for GitHub's paths, without the prefix /api/v3. It is
// safe for concurrent use.
type API struct {
	Config
	mux       *http.ServeMux
	patterns  []string
	responses *responses
}

// New makes an API. It starts nothing.
func New(c Config) *API {
	a := &API{Config: c, mux: http.NewServeMux(), responses: newResponses(maxRemembered)}
	for _, rt := range a.routes() {
		a.patterns = append(a.patterns, rt.pattern)
		a.mux.Handle(rt.pattern, a.serve(&rt))
	}
	a.mux.Handle("/", a.serve(&route{handle: func(http.ResponseWriter, *http.Request) error { return errNotFound }}))
	return a
}

// Patterns are the routes that are served, in the form of http.ServeMux.
func (a *API) Patterns() []string { return a.patterns }

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.setCommonHeaders(w.Header())
	// ServeMux would redirect to the clean path, and it does not know the prefix.
	if p := r.URL.Path; p == "" || p[0] != '/' || path.Clean(p) != p && path.Clean(p)+"/" != p || !isText(p) {
		a.fail(w, r, &route{}, errNotFound)
		return
	}
	a.mux.ServeHTTP(w, r)
}

var (
	errNotFound    = actions.Errorf(actions.NotFound, "Not Found")
	errAdminRights = actions.Errorf(actions.Forbidden, "Must have admin rights to Repository.")

	errActionsScope = actions.Errorf(actions.Forbidden, "You must have the actions scope to download artifacts.")
)

// A call is what is known of a request when its handler runs.
type call struct {
	caller  *auth.Caller
	version version.Version
	base    shape.Base
	repo    *actions.Repository // of routes below /repos/{owner}/{repo}; shared, not to be changed
	until   time.Time           // the answer is another from then on, without a change of the data; zero for never
}

// goodUntil says that the answer is another from t on.
func (c *call) goodUntil(t time.Time) {
	if c.until.IsZero() || t.Before(c.until) {
		c.until = t
	}
}

type callKey struct{}

// callOf returns what serve found out.
func callOf(r *http.Request) *call {
	c, _ := r.Context().Value(callKey{}).(*call)
	return c
}

// begin finds out who is calling, in which version, about which repository, and
// whether they may.
func (a *API) begin(w http.ResponseWriter, r *http.Request, rt *route) (*call, error) {
	h := w.Header()
	v, err := selectVersion(h, r)
	if err != nil {
		return nil, err
	}
	if !httpjson.CheckHost(r.Host) {
		return nil, actions.Errorf(actions.Malformed, "Invalid Host header")
	}
	if err := checkQuery(r); err != nil {
		return nil, err
	}
	caller, err := a.Auth.Authenticate(r)
	if err != nil {
		return nil, err
	}
	setScopeHeaders(h, caller, rt)
	c := &call{caller: caller, version: v, base: shape.Base(httpjson.Base(r))}
	if rt.need == nil {
		return c, nil
	}
	c.repo, err = a.Auth.Repository(r.Context(), r.PathValue("owner"), r.PathValue("repo"))
	if err != nil {
		return nil, err
	}
	return c, rt.refusal(caller, a.Auth.Can(r.Context(), caller, c.repo, *rt.need))
}

// refusal is err, which says why a caller may not use the route or is nil, as
// GitHub says it. What only those who have signed in may download is forbidden to
// others; for artifacts, unlike logs, a classic token needs its scope, too.
func (rt *route) refusal(c *auth.Caller, err error) error {
	switch n := rt.need; {
	case n.SignedIn && c.Anonymous() && actions.KindOf(err) == actions.Unauthorized && n.Granted:
		return errActionsScope
	case n.SignedIn && c.Anonymous() && actions.KindOf(err) == actions.Unauthorized:
		return errAdminRights
	case err == nil && n.Granted && !c.Anonymous() && c.Token.Kind == actions.Classic && !c.HasScope("public_repo"):
		return errActionsScope
	}
	return err
}

// Around makes h, which serves other paths of the REST API, answer with the
// headers and the choice of version that all of them have.
func (a *API) Around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.setCommonHeaders(w.Header())
		if _, err := selectVersion(w.Header(), r); err != nil {
			a.fail(w, r, &route{}, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// serve makes a handler of a route.
func (a *API) serve(rt *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.answer(w, r, rt); err != nil {
			a.fail(w, r, rt, err)
		}
	})
}

func (a *API) answer(w http.ResponseWriter, r *http.Request, rt *route) error {
	c, err := a.begin(w, r, rt)
	if err != nil {
		return err
	}
	setCacheControl(w.Header(), c.caller)
	if rt.polled {
		return a.remembered(w, r, rt, c)
	}
	if rt.streams {
		return rt.handle(w, withCall(r, c))
	}
	rec := &recorder{header: w.Header()}
	if err := rt.handle(rec, withCall(r, c)); err != nil {
		return err
	}
	rec.send(w, r)
	return nil
}

func withCall(r *http.Request, c *call) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callKey{}, c))
}

// fail writes errors, all of them.
func (a *API) fail(w http.ResponseWriter, r *http.Request, rt *route, err error) {
	h := w.Header()
	for _, name := range []string{"Link", "Location", "Cache-Control"} {
		h.Del(name)
	}
	if actions.KindOf(err) == actions.Internal && r.Context().Err() == nil {
		a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "request", h.Get("X-Github-Request-Id"), "err", err)
	}
	if err := httpjson.WriteError(w, err, rt.documentation()); err != nil {
		a.Log.ErrorContext(r.Context(), "answer cannot be written", "route", r.Pattern, "err", err)
	}
}
