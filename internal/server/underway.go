package server

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// settleTime is how long a request may go on after its caller's access has changed:
// one that changes that itself is answered.
const settleTime = 250 * time.Millisecond

// underway are the requests of callers who have signed in, so that a fetch, a push or a
// large answer ends when the token or its account does. A push whose refs move already
// is seen through to its end all the same: see [gitrepo.Git.Receive].
type underway struct {
	mu    sync.Mutex
	calls map[*call]struct{} // nil for none yet
}

// A call is one such request.
type call struct {
	asked  *http.Request // as it came: whose it is, is found out again
	at     surface
	cancel context.CancelFunc
	conn   *conn   // of HTTP/1, where it is of this request alone; else nil
	stream *stream // of HTTP/2; else nil
	ended  bool    // guarded by underway.mu
}

// end makes whoever waits for the client of a request wait no more.
func (c *call) end() {
	c.ended = true
	c.cancel()
	switch {
	case c.stream != nil:
		c.stream.end()
	case c.conn != nil:
		_ = c.conn.Close() // its server notices
	}
}

// begin notes a request, and returns it with a context that ends with its access.
func (u *underway) begin(w http.ResponseWriter, asked, r *http.Request, at surface) (_ *http.Request, over func()) {
	ctx, cancel := context.WithCancel(r.Context())
	c := &call{asked: asked, at: at, cancel: cancel}
	if c.stream, _ = w.(*stream); c.stream == nil {
		c.conn, _ = r.Context().Value(connKey{}).(*conn)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.calls == nil {
		u.calls = make(map[*call]struct{})
	}
	u.calls[c] = struct{}{}
	return r.WithContext(ctx), func() {
		cancel()
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.calls, c)
		if c.ended {
			panic(http.ErrAbortHandler) //nolint:forbidigo // the one way to break an answer off: its client must not take it for whole
		}
	}
}

// endThose ends the requests of which lost says so.
func (u *underway) endThose(lost func(c *call) bool) {
	u.mu.Lock()
	calls := make([]*call, 0, len(u.calls))
	for c := range u.calls {
		calls = append(calls, c)
	}
	u.mu.Unlock()
	for _, c := range calls {
		if !lost(c) {
			continue
		}
		u.mu.Lock()
		if _, is := u.calls[c]; is { // else its connection may be another request's already
			c.end()
		}
		u.mu.Unlock()
	}
}

// signedIn says whether a request goes on only as long as a token or a session holds.
// Those of runners and jobs end with the job, signed URLs and live pages by themselves,
// and whoever revokes a list of tokens may have shown one of them.
func (s *Server) signedIn(r *http.Request, at surface) bool {
	switch at {
	case restAPI, graphQL, gitProtocol:
		return r.Header.Get("Authorization") != "" && !strings.HasSuffix(r.URL.Path, "/credentials/revoke")
	case pages:
		if streams(r) {
			return false
		}
		who, err := s.auth.Session(r)
		return err == nil && !who.Anonymous()
	case runnerProtocol, resultServices, idTokens, healthChecks, runnerCheck:
	}
	return false
}

// lost says whether a request that was let in would not be now.
func (s *Server) lost(c *call) bool {
	if c.at == pages {
		who, err := s.auth.Session(c.asked)
		return err == nil && who.Anonymous()
	}
	_, err := s.auth.Authenticate(c.asked)
	return actions.KindOf(err) == actions.Unauthorized
}

// endLost ends, until ctx does, the requests under way whose token was revoked, or
// whose account is suspended or deleted, here or at another server.
func (s *Server) endLost(ctx context.Context) error {
	access := s.store.Subscribe(store.AccessTopic())
	defer access.Close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-access.C():
		}
		pause(ctx, settleTime)
		access.Take()
		s.underway.endThose(s.lost)
	}
}

// Underway counts the requests that would end with their caller's access.
func (s *Server) Underway() int {
	s.underway.mu.Lock()
	defer s.underway.mu.Unlock()
	return len(s.underway.calls)
}
