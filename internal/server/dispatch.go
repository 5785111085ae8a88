package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/githttp"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/oidc"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A surface is one that answers requests.
type surface int

const (
	pages surface = iota
	restAPI
	graphQL
	runnerProtocol
	resultServices
	gitProtocol
	idTokens
	healthChecks
	runnerCheck
)

// surface chooses who answers a request, and with which prefix of its path cut
// off. It looks at host, method and path shape only. ServeMux cannot do this: it
// redirects doubled slashes, which breaks clients, and `actions/build/…` of the
// runner protocol stands beside an owner of any name.
func (s *Server) surface(r *http.Request) (at surface, strip string) {
	path := r.URL.Path
	below := func(prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }
	switch {
	case s.apiHost(r.Host):
		if path == "/graphql" {
			return graphQL, ""
		}
		return restOf(path), ""
	case below("/api/v3"):
		return restOf(strings.TrimPrefix(path, "/api/v3")), "/api/v3"
	case below(uploads):
		return restAPI, uploads
	case path == "/api/graphql":
		return graphQL, "/api"
	case below("/_runner"), r.Method == http.MethodPost && isLaunch(path):
		return runnerProtocol, ""
	case below("/twirp"), below("/_blobs"), below("/_apis/pipelines"), below("/_apis/resources/Containers"), below("/_apis/artifactcache"):
		return resultServices, ""
	case below(oidc.Path):
		return idTokens, ""
	case path == "/healthz", path == "/readyz":
		return healthChecks, ""
	case slices.Contains(runnerChecks, path):
		return runnerCheck, ""
	case githttp.Serves(path):
		return gitProtocol, ""
	}
	return pages, ""
}

func (s *Server) handler(at surface) http.Handler {
	switch at {
	case restAPI:
		return s.rest
	case graphQL:
		return s.graphql
	case runnerProtocol:
		return s.runnerAPI
	case resultServices:
		return s.results
	case idTokens:
		return s.idTokens
	case gitProtocol:
		return s.git
	case healthChecks:
		return http.HandlerFunc(s.serveHealth)
	case runnerCheck:
		return http.HandlerFunc(serveRunnerCheck)
	case pages:
	}
	return s.web
}

// apiHost says whether host is the REST API's own: "api." before the host of
// the public URL, or before one that runners take for GitHub. No prefix stands before its
// paths.
func (s *Server) apiHost(host string) bool {
	name, ok := strings.CutPrefix(strings.ToLower(host), apiPrefix)
	return ok && (s.publicHost != "" && name == s.publicHost || wire.Hosted(hostName(name)))
}

// uploads is where an Enterprise Server takes the assets of releases: a host of its own on
// github.com, and the REST API here as well.
const uploads = "/api/uploads"

const apiPrefix = "api." // before the host of the public URL: that of the REST API

// restOf chooses between the REST API and the two paths below its base by which
// runners register themselves.
func restOf(path string) surface {
	if path == "/"+wire.RegistrationPath || path == "/"+wire.RegisterPath {
		return runnerProtocol
	}
	return restAPI
}

// keepScheme gives a request of a runner that was configured with HTTPS, or of its job,
// a base of HTTPS: a proxy that is not trusted may have taken TLS off, and the URLs in
// the answer must lead through it again.
func (s *Server) keepScheme(r *http.Request, who limit.Caller) *http.Request {
	base := httpjson.Base(r)
	rest, plain := strings.CutPrefix(base.HTML, "http://")
	if !plain {
		return r
	}
	id := who.ID
	if who.Kind == limit.Job {
		job, err := s.jobs.Job(r.Context(), id, func(*actions.Job) bool { return true }) // it says how addresses begin, and nothing else
		if err != nil {
			return r
		}
		id = job.RunnerID
	} else if who.Kind != limit.Runner {
		return r
	}
	runner, err := s.runners.Known(r.Context(), id)
	if err != nil || !strings.EqualFold(runner.URL, "https://"+rest) {
		return r
	}
	secure := func(url string) string { return "https" + strings.TrimPrefix(url, "http") }
	return httpjson.WithBase(r, shape.Base{API: secure(base.API), HTML: secure(base.HTML)})
}

// isLaunch recognises /actions/build/{plan}/jobs/{job}/runnerresolve/actions.
func isLaunch(path string) bool {
	seg := strings.Split(strings.TrimPrefix(path, "/"), "/")
	return len(seg) == 7 && seg[0] == "actions" && seg[1] == "build" && seg[3] == "jobs" && seg[5] == "runnerresolve" && seg[6] == "actions"
}

// ServeHTTP sends a request to its surface.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	named := httpjson.CheckHost(r.Host)
	r = sharedPath(httpjson.SingleSlashes(s.withBase(r)))
	at, strip := s.surface(r)
	switch {
	case at == healthChecks: // who asks knows an address at best
	case !named:
		http.Error(w, "Bad Request: the Host header names no host", http.StatusBadRequest)
		return
	case !s.answersTo(r):
		misdirected(w, r, at)
		return
	}
	if r.ProtoMajor > 1 {
		w = newStream(w)
	}
	r, end := limitBody(w, r, s.now, progressTime)
	defer end()
	asked := r
	r, visit, err := s.admit(r, at)
	defer visit.End()
	if err != nil {
		s.refuse(w, r, at, err)
		return
	}
	if s.signedIn(r, at) {
		var over func()
		r, over = s.underway.begin(w, asked, r, at)
		defer over()
	}
	if streams(r) {
		ctx, cancel := s.untilDrain(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
	}
	h := s.handler(at)
	if strip != "" {
		h = http.StripPrefix(strip, h)
	}
	h.ServeHTTP(s.response(w, r, visit), r)
}

// sharedPath gives a request of a runner that was told a path of its own the path that
// all of them have.
func sharedPath(r *http.Request) *http.Request {
	shared := wire.SharedPath(r.URL.Path)
	if shared == r.URL.Path {
		return r
	}
	u := *r.URL
	u.Path, u.RawPath = shared, wire.SharedPath(u.RawPath)
	r = r.WithContext(r.Context()) // a copy
	r.URL = &u
	return r
}

// streams says whether a request stays open for as long as the server lives:
// polls of runners, live logs.
func streams(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/message") || strings.HasSuffix(r.URL.Path, "/live") || strings.Contains(r.URL.Path, "/_runner/feed/")
}

// withBase gives the request the base of the URLs in its answer, where that
// is not simply the Host that it names: a trusted proxy says what its client
// asked for, and the REST API may have a host of its own.
func (s *Server) withBase(r *http.Request) *http.Request {
	scheme, _, _ := strings.Cut(httpjson.Base(r).HTML, "://")
	host, prefix := r.Host, ""
	if len(s.proxies) > 0 && s.trusted(r.RemoteAddr) {
		scheme, host, prefix = s.forwarded(r, scheme)
	}
	html := scheme + "://" + host + prefix
	base := shape.Base{API: html + "/api/v3", HTML: html}
	if s.apiHost(host) {
		base = shape.Base{API: html, HTML: scheme + "://" + host[len(apiPrefix):] + prefix}
	}
	r = httpjson.WithBase(r, base) // a copy
	r.Host = host
	return r
}
