package rest_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestAPathThatIsNotServedSaysSo(t *testing.T) {
	var out lines
	s := servertest.New(t, servertest.WithDeps(func(d *servertest.Deps) {
		d.Log = slog.New(slog.NewTextHandler(&out, nil))
	}))
	alice := s.User("alice")
	s.Repository(alice, "hello", true)
	token := s.Token(alice, "repo")
	said := func() int { return strings.Count(out.String(), "no such operation here") }
	const header = "X-Understudy-Not-Served"
	for range 2 {
		for _, path := range []string{"/repos/alice/hello/keys/7", "/repos/bob/other/keys/12"} {
			a := s.Want(s.Do(http.MethodGet, servertest.API+path, token, nil), http.StatusNotFound)
			if a.Header.Get(header) == "" || a.JSON(t)["message"] != "Not Found" {
				t.Errorf("%s: %v %s", path, a.Header, a.Text)
			}
		}
	}
	if !strings.Contains(out.String(), `operation="GET /repos/{owner}/{repo}/keys/{id}"`) || said() != 1 {
		t.Errorf("the log has %d lines, want one with the operation:\n%s", said(), out.String())
	}
	for _, path := range []string{"/repos/alice/hello", "/repos/alice/none", "/repos/alice/hello/actions/runs/7"} {
		if a := s.Do(http.MethodGet, servertest.API+path, token, nil); a.Header.Get(header) != "" {
			t.Errorf("%s is said not to be served", path)
		}
	}
	for i := range 100 {
		s.Do(http.MethodGet, fmt.Sprint(servertest.API, "/x", i, strings.Repeat("y", 500)), token, nil)
	}
	if n := said(); n > 30 || len(out.String()) > 30*1000 {
		t.Errorf("the log has %d lines and %d bytes of what anybody may ask", n, len(out.String()))
	}
	s.Pass(2 * time.Minute)
	before := said()
	s.Do(http.MethodGet, servertest.API+"/repos/alice/hello/keys/7", token, nil)
	if said() != before+1 {
		t.Error("the log has nothing of what was asked again two minutes later")
	}
}

// lines are what a log got.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
