package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what the API itself needs; its pages need more. All fields are required
// but the last and Runners, which only routes need that take their tokens ([auth.Need.Registration]).
type Config struct {
	Store   *store.Store
	Auth    *auth.Auth
	Runners *runners.Runners
	Log     *slog.Logger
	Now     func() time.Time

	CORSAnonymous bool // pages of other sites read what everybody may
}

// An API answers requests for GitHub's paths, without the prefix /api/v3. It is
// safe for concurrent use.
type API struct {
	Config
	mux     *http.ServeMux
	answers *recent.Cache[answerKey, *answer]
}

// New makes an API of routes. It starts nothing. A route that does not say what it
// needs is an error.
func New(c Config, routes []Route) (*API, error) {
	a := &API{Config: c, mux: http.NewServeMux(), answers: newAnswers()}
	for _, rt := range routes {
		if err := rt.check(); err != nil {
			return nil, err
		}
		if rt.Need.Registration != "" && c.Runners == nil {
			return nil, fmt.Errorf("route %q: nobody knows the tokens of runners", rt.Pattern)
		}
		a.mux.Handle(cmp.Or(rt.Match, rt.Pattern), a.serve(newEndpoint(rt)))
	}
	other := nothing
	other.Handle = newUnserved(c).answer
	unserved := a.serve(newEndpoint(other))
	for _, pattern := range shadowed(routes) {
		a.mux.Handle(pattern, unserved)
	}
	a.mux.Handle("/", unserved)
	return a, nil
}

// shadowed are patterns of what is not served, which ServeMux would take for something
// else: it redirects /x to /x/ where /x/{rest...} is served, and takes what stands below
// a ref for a part of it.
func shadowed(routes []Route) (patterns []string) {
	has := make(map[string]bool)
	for _, rt := range routes {
		has[rt.Pattern] = true
	}
	add := func(pattern string) {
		if !has[pattern] {
			has[pattern] = true
			patterns = append(patterns, pattern)
		}
	}
	for _, rt := range routes {
		method, path, _ := strings.Cut(rt.Pattern, " ")
		i := strings.LastIndexByte(path, '/')
		if !strings.HasSuffix(path, "...}") {
			continue
		}
		add(method + " " + path[:i])
		if path[i:] == "/{ref...}" && strings.HasSuffix(path[:i], "/commits") {
			for _, below := range belowRef {
				add(method + " " + path[:i] + "/{ref}/" + below)
			}
		}
	}
	return patterns
}

// nothing is the route of paths that no other route has.
var nothing = Route{
	Handle: func(http.ResponseWriter, *http.Request) error { return ErrNotFound },
	Need:   auth.Need{On: auth.Site, Public: true},
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.setCommonHeaders(w.Header(), r)
	if a.cors(w, r) {
		return
	}
	if r.URL.Path == "" { // the root, asked for without a slash (REG-5)
		root := *r.URL
		root.Path, root.RawPath = "/", ""
		r = r.Clone(r.Context())
		r.URL = &root
	}
	// ServeMux would redirect to the clean path, and it does not know the prefix.
	if p := r.URL.Path; p[0] != '/' || path.Clean(p) != p && path.Clean(p)+"/" != p || !isText(p) {
		a.fail(w, r, &nothing, ErrNotFound)
		return
	}
	plain, err := a.plain(r)
	if err != nil {
		a.fail(w, r, &nothing, err)
		return
	}
	a.mux.ServeHTTP(w, plain)
}

// ErrNotFound is for what is not there, or may not be seen.
var ErrNotFound = actions.Errorf(actions.NotFound, "Not Found")

var (
	errAdminRights  = actions.Errorf(actions.Forbidden, "Must have admin rights to Repository.")
	errActionsScope = actions.Errorf(actions.Forbidden, "You must have the actions scope to download artifacts.")
)

// begin finds out who is calling, in which version, about what, and whether they
// may.
func (a *API) begin(w http.ResponseWriter, r *http.Request, op *endpoint) (*Call, error) {
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
	if err := checkAccept(r); err != nil {
		return nil, err
	}
	c := &Call{Version: v, Base: httpjson.Base(r), auth: a.Auth}
	if op.Need.Registration != "" {
		if is, err := a.admitRunner(r, c, op.Need); is || err != nil {
			return c, err
		}
	}
	if c.Caller, err = a.Auth.Authenticate(r); err != nil {
		return nil, err
	}
	setScopeHeaders(h, c.Caller, op)
	if err := a.find(r, c, op.Need.On); err != nil {
		return nil, err
	}
	if c.Repo != nil && auth.Renamed(c.Repo, r.PathValue("repo")) {
		return nil, a.moved(r, c)
	}
	return c, refusal(op.Need, c.Caller, a.Auth.Can(r.Context(), c.Caller, c.Target(), op.Need))
}

// admitRunner says whether the request carries a token to register or to remove
// runners in the scope of the request. Such a request has no other caller.
func (a *API) admitRunner(r *http.Request, c *Call, n auth.Need) (bool, error) {
	scheme, text := httpjson.Authorization(r)
	if text == "" {
		return false, nil
	}
	r.SetPathValue("repo", strings.TrimSuffix(r.PathValue("repo"), ".git")) // a runner may be configured with the URL of a clone
	err := a.find(r, c, n.On)
	scope := c.Scope()
	if actions.KindOf(err) == actions.NotFound {
		scope = runners.Nowhere() // the answer does not tell
	} else if err != nil {
		return false, err
	}
	c.Caller = &auth.Caller{}
	c.by, c.Runner, err = a.Runners.Admits(r.Context(), scheme, text, scope, n.Registration == auth.Remove)
	return c.Runner, err
}

// find finds what the path is about. Whether the caller may know of it is not
// asked here.
func (a *API) find(r *http.Request, c *Call, on auth.On) (err error) {
	if c.Repo != nil || c.Org != nil {
		return nil // it is found
	}
	switch on {
	case auth.Repo:
		c.Repo, err = a.Auth.Repository(r.Context(), r.PathValue("owner"), r.PathValue("repo"))
	case auth.Org:
		c.Org, err = a.Store.AccountByLogin(r.Context(), r.PathValue("org"))
		if err == nil && c.Org.Type != actions.Organization {
			err = actions.Errorf(actions.NotFound, "organization %s", c.Org.Login)
		}
		if err != nil {
			c.Org = nil
		}
	case auth.Enterprise:
		if slug := r.PathValue("enterprise"); !strings.EqualFold(slug, actions.Enterprise) {
			err = actions.Errorf(actions.NotFound, "enterprise %s", slug)
		}
	case auth.Site, auth.User:
	default:
		err = fmt.Errorf("nothing is on %q", on)
	}
	return err
}

// refusal turns err, which says why a caller may not use a route, into GitHub's
// answer; nil stays nil. A download that needs a signed-in caller is Forbidden to
// others; for artifacts, unlike logs, a classic token needs its scope, too.
func refusal(n auth.Need, c *auth.Caller, err error) error {
	switch {
	case n.On != auth.Repo:
	case n.SignedIn && c.Anonymous() && actions.KindOf(err) == actions.Unauthorized && n.Granted:
		return errActionsScope
	case n.SignedIn && c.Anonymous() && actions.KindOf(err) == actions.Unauthorized:
		return errAdminRights
	case err == nil && n.Granted && !c.Anonymous() && c.Token.Kind == actions.Classic && !c.HasScope("public_repo"):
		return errActionsScope
	}
	return err
}

// serve makes a handler of an endpoint.
func (a *API) serve(op *endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.answer(w, r, op); err != nil {
			a.fail(w, r, &op.Route, err)
		}
	})
}

func (a *API) answer(w http.ResponseWriter, r *http.Request, op *endpoint) error {
	c, err := a.begin(w, r, op)
	if err != nil {
		return err
	}
	setCacheControl(w.Header(), r)
	if op.Polled {
		return a.remembered(w, r, op, c)
	}
	if op.Streams != nil && op.Streams(r) {
		return op.Handle(w, withCall(r, c))
	}
	rec := &recorder{header: w.Header()}
	if err := op.Handle(rec, withCall(r, c)); err != nil {
		return err
	}
	rec.send(w, r)
	return nil
}

func withCall(r *http.Request, c *Call) *http.Request {
	ctx := context.WithValue(r.Context(), callKey{}, c)
	if c.Runner {
		ctx = actions.WithAccount(ctx, c.by)
	}
	return r.WithContext(ctx)
}

// fail writes errors, all of them.
func (a *API) fail(w http.ResponseWriter, r *http.Request, rt *Route, err error) {
	h := w.Header()
	for _, name := range []string{"Link", "Location", "Cache-Control"} {
		h.Del(name)
	}
	if rt.Need.Registration != "" && actions.KindOf(err) == actions.Unauthorized {
		h.Set("WWW-Authenticate", "Bearer") // some runners show no token before they read that they should
	}
	if actions.KindOf(err) == actions.Internal && r.Context().Err() == nil {
		a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "request", h.Get("X-Github-Request-Id"), "err", err)
	}
	if done, err := special(w, r, err); done {
		if err != nil {
			a.Log.ErrorContext(r.Context(), "answer cannot be written", "route", r.Pattern, "err", err)
		}
		return
	}
	docs := rt.documentation()
	if e, ok := errors.AsType[*limit.Error](err); ok {
		h.Set("Retry-After", e.RetryAfter())
		docs = e.Documentation()
	}
	if err := httpjson.WriteError(w, err, docs); err != nil {
		a.Log.ErrorContext(r.Context(), "answer cannot be written", "route", r.Pattern, "err", err)
	}
}

// special writes the errors whose answers no kind has.
func special(w http.ResponseWriter, r *http.Request, err error) (done bool, failed error) {
	if e, ok := errors.AsType[*movedError](err); ok {
		return true, e.write(w, r)
	}
	if e, ok := errors.AsType[*unacceptableError](err); ok {
		return true, e.write(w)
	}
	return false, nil
}
