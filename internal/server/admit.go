package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// admit lets a request in, or says why not. The request that it returns knows its
// visit, and who sends it. There is a visit in any case: end it.
func (s *Server) admit(r *http.Request, at surface) (*http.Request, *limit.Visit, error) {
	if at == healthChecks { // they answer whatever goes on
		return r, &limit.Visit{}, nil
	}
	ctx, q := s.question(r, at)
	v, err := s.limiter.Begin(q)
	if err == nil && q.Work != limit.Reserved && spare(r) {
		err = limit.Full()
	}
	ctx = store.WithShare(ctx, shareOf(q.Caller))
	r = s.keepScheme(r.WithContext(limit.With(ctx, v)), q.Caller)
	if !takesStream(r, at) {
		keep(r, v.Hold)
	}
	return r, v, err
}

// shareOf is the part of the callers with which one has its turn at the database. A
// runner and its job work on the same thing, and many of them at the same time.
func shareOf(c limit.Caller) store.Share {
	if c.Kind == limit.Job {
		return store.Share(limit.Runner)
	}
	return store.Share(c.Kind)
}

// takesStream says whether the body of a request goes on as it comes, and is not kept
// in memory by who decodes it.
func takesStream(r *http.Request, at surface) bool {
	return at == gitProtocol || at == resultServices && r.Method != http.MethodPost || at == restAPI && r.Method == http.MethodPost && asset.MatchString(r.URL.Path)
}

// asset is the path to which an asset of a release is uploaded.
var asset = regexp.MustCompile(`/repos/[^/]+/[^/]+/releases/\d+/assets$`)

// question is what the limiter must know of a request, and a context for it, which says
// who the audit log is to name.
func (s *Server) question(r *http.Request, at surface) (context.Context, limit.Request) {
	ctx, q := r.Context(), limit.Request{Work: limit.Answer}
	addr, own := s.peer(r)
	q.Caller, q.Own = limit.AddressOf(addr), own
	who := actions.Actor{UserAgent: r.UserAgent()}
	if addr.IsValid() {
		who.Address = addr.Unmap().String()
	}
	signed := func(c *auth.Caller) {
		who.AccountID, who.Login = c.Account.ID, c.Account.Login
		who.TokenID, who.TokenKind, who.JobID = c.Token.ID, c.Token.Kind, c.Job()
	}
	known := func(k limit.Kind, id int64) { q.Caller = limit.Caller{Kind: k, ID: id} }
	switch at {
	case runnerProtocol, resultServices, idTokens:
		if c, ok := s.worker(r); ok {
			q.Caller, q.Work = c, limit.Reserved
		} else if g, err := s.keys.VerifyURL(r.Method, httpjson.Base(r).Host(), r.URL.EscapedPath(), r.URL.RawQuery, s.now()); err == nil {
			known(limit.Repository, g.RepoID)
		}
	case pages:
		if c, err := s.auth.Session(r); err == nil && !c.Anonymous() {
			known(limit.Account, c.Account.ID)
			signed(c)
		}
	case restAPI, graphQL, gitProtocol:
		var c *auth.Caller
		var err error
		ctx, c, err = s.auth.Know(r)
		switch {
		case err != nil || c.Anonymous():
		case c.Job() != 0:
			known(limit.Job, c.Job())
			signed(c)
		default:
			known(limit.Account, c.Account.ID)
			signed(c)
		}
		q.Free = at == restAPI && strings.HasSuffix(r.URL.Path, "/rate_limit")
	case healthChecks, runnerCheck:
	}
	switch {
	case strings.Contains(r.URL.Path, "/_runner/feed/"), at == pages && strings.HasSuffix(r.URL.Path, "/live"):
		q.Work = limit.Stream
	}
	return actions.WithActor(ctx, who), q
}

// worker is the runner or job whose token a request shows.
func (s *Server) worker(r *http.Request) (c limit.Caller, ok bool) {
	text, ok := httpjson.Credentials(r, "Bearer")
	if !ok {
		return c, false
	}
	if strings.HasPrefix(r.URL.Path, wire.BrokerPath) || strings.HasSuffix(r.URL.Path, "/"+wire.AcquireJobPath) {
		runner, err := s.keys.Runner(text, s.now())
		return limit.Caller{Kind: limit.Runner, ID: runner.ID}, err == nil
	}
	job, err := s.keys.Job(text, s.now())
	return limit.Caller{Kind: limit.Job, ID: job.ID}, err == nil
}

// peer is the address that a request comes from, and whether that is this machine:
// a loopback address or a Unix socket, unless it is a proxy's. Behind proxies that
// are trusted it is what the last of them says, since anybody can write what stands
// before that. A Unix socket has no address.
func (s *Server) peer(r *http.Request) (addr netip.Addr, own bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, true
	}
	addr, err = netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, false
	}
	if len(s.proxies) == 0 || !s.trusts(addr) {
		return addr, addr.Unmap().IsLoopback()
	}
	if _, client := s.through(r); client.IsValid() {
		addr = client
	}
	return addr, false
}

// refuse answers a request that is not let in. Clients of the runner protocol and of
// the storage try again after 503 only.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, at surface, err error) {
	h := w.Header()
	status, docs := httpjson.StatusOf(actions.KindOf(err)), ""
	if e, ok := errors.AsType[*limit.Error](err); ok {
		h.Set("Retry-After", e.RetryAfter())
		docs = e.Documentation()
	}
	if spare(r) {
		h.Set("Connection", "close")
	}
	switch at {
	case restAPI, graphQL:
		rest.SetRate(h, limit.Of(r.Context()).Rate(s.now()))
	case runnerProtocol, resultServices, idTokens:
		status = http.StatusServiceUnavailable
	case gitProtocol, pages, healthChecks, runnerCheck:
		http.Error(w, err.Error(), status)
		return
	}
	_, problem := httpjson.ProblemOf(err, docs)
	problem.Status = strconv.Itoa(status)
	_ = httpjson.Write(w, status, problem) // it can be encoded
}
