package gitrepo

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
)

// A testGit is a Git with repository 1, which a real git client reaches at
// url. Tests replace check and done.
type testGit struct {
	*Git
	url   string
	check func(ctx context.Context, updates []actions.RefUpdate, view *View) error

	mu   sync.Mutex
	done [][]actions.RefUpdate // what Done was told, push by push
}

func newTestGit(t *testing.T, limits Limits) *testGit {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	g, err := New(filepath.Join(t.TempDir(), "git"), limits, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := g.Create(t.Context(), 1, "main"); err != nil {
		t.Fatal(err)
	}
	tg := &testGit{Git: g, check: func(context.Context, []actions.RefUpdate, *View) error { return nil }}
	srv := httptest.NewServer(tg)
	t.Cleanup(srv.Close)
	tg.url = srv.URL
	return tg
}

// ServeHTTP is the least that a git client needs.
func (g *testGit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	version := Protocol(r.Header.Get("Git-Protocol"))
	var err error
	switch {
	case strings.HasSuffix(r.URL.Path, "/info/refs"):
		service := r.URL.Query().Get("service")
		w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
		if version < 2 {
			_, _ = w.Write(append(pktLine([]byte("# service="+service+"\n")), flushPacket...))
		}
		err = g.Advertise(r.Context(), 1, Service(strings.TrimPrefix(service, "git-")), version, w)
	case strings.HasSuffix(r.URL.Path, "/git-upload-pack"):
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		var request *FetchRequest
		if request, err = g.ReadFetch(r.Body); err == nil {
			err = g.UploadPack(r.Context(), 1, version, request, nil, w)
		}
	default:
		w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
		err = g.Receive(r.Context(), 1, ReceiveOptions{
			Version: version,
			Check: func(ctx context.Context, updates []actions.RefUpdate, v *View) error {
				return g.check(ctx, updates, v)
			},
			Done: func(_ context.Context, applied []actions.RefUpdate) error {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.done = append(g.done, applied)
				return nil
			},
		}, r.Body, w)
	}
	if err != nil {
		g.log.ErrorContext(r.Context(), "request", "err", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (g *testGit) applied() [][]actions.RefUpdate {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.done
}

func (g *testGit) clone(t *testing.T) *gittest.Tree {
	t.Helper()
	c := gittest.New(t, g.url+"/r.git")
	c.Env = []string{"GIT_AUTHOR_DATE=1700000000 +0130", "GIT_COMMITTER_DATE=1700000100 +0000"}
	return c
}

// tip is where a ref stands on the server, "" for nowhere.
func (g *testGit) tip(t *testing.T, ref string) string {
	t.Helper()
	sha, err := g.View(1).ref(ref)
	if err != nil {
		t.Fatal(err)
	}
	return sha
}

// post sends a request as a hostile client would.
func (g *testGit) post(t *testing.T, service string, body io.Reader) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"/r.git/git-"+service, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Nothing is a Check that lets everything through.
func (g *testGit) Nothing(context.Context, []actions.RefUpdate, *View) error { return nil }

// tell is a Done that keeps what it was told.
func (g *testGit) tell(told *[]actions.RefUpdate) func(context.Context, []actions.RefUpdate) error {
	return func(_ context.Context, applied []actions.RefUpdate) error {
		*told = applied
		return nil
	}
}
