package githttp

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
	"github.com/understudy-ci/understudy/internal/gitrepo"
)

// A world is a server with two repositories, octo/private (1) and octo/public
// (2), and callers named by their tokens: owner, noworkflow and app may push,
// reader may read.
type world struct {
	*Server
	url  string
	dir  string   // of the repositories
	push PushFunc // replaced by tests

	mu      sync.Mutex
	applied []actions.RefUpdate
	length  int64
}

func newWorld(t testing.TB, limits gitrepo.Limits) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	dir := filepath.Join(t.TempDir(), "git")
	git, err := gitrepo.New(dir, limits, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := git.Close(); err != nil {
			t.Error(err)
		}
	})
	for id := range int64(2) {
		if err := git.Create(t.Context(), id+1, "main"); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{dir: dir}
	w.push = w.record
	w.Server = New(Config{Git: git, Log: log, Now: time.Now, Access: w.access})
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.length = r.ContentLength
		w.mu.Unlock()
		w.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func (w *world) access(r *http.Request, owner, name string) (*Access, error) {
	_, token, _ := r.BasicAuth()
	public := name == "public"
	a := &Access{RepoID: 1}
	if public {
		a.RepoID = 2
	}
	push := func(ctx context.Context, u []actions.RefUpdate, v *gitrepo.View) (func(context.Context, []actions.RefUpdate) error, error) {
		return w.push(ctx, u, v)
	}
	switch {
	case token != "" && !strings.Contains(" owner noworkflow app reader ", " "+token+" "):
		return nil, actions.Errorf(actions.Unauthorized, "Bad credentials")
	case owner != "octo" || name != "public" && name != "private":
		return nil, actions.Errorf(actions.NotFound, "no %s/%s", owner, name)
	case token == "" && !public:
		return nil, actions.Errorf(actions.NotFound, "hidden")
	case token == "owner":
		a.Push, a.Workflows = push, true
	case token == "noworkflow":
		a.Push = push
	case token == "app":
		a.Push, a.App = push, true
	}
	return a, nil
}

// record is the push function that takes everything.
func (w *world) record(context.Context, []actions.RefUpdate, *gitrepo.View) (func(context.Context, []actions.RefUpdate) error, error) {
	return func(_ context.Context, applied []actions.RefUpdate) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.applied = append(w.applied, applied...)
		return nil
	}, nil
}

// updates are those that pushes have made so far.
func (w *world) updates() []actions.RefUpdate {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.applied
}

// lastLength is the declared length of the last request.
func (w *world) lastLength() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.length
}

func (w *world) remote(token, repo string) string {
	if token != "" {
		token = "x:" + token + "@"
	}
	return strings.Replace(w.url, "http://", "http://"+token, 1) + "/" + repo
}

// do sends one request and returns the answer and its body.
func (w *world) do(t *testing.T, method, path, token string, header map[string]string, body io.Reader) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	if token != "" {
		req.SetBasicAuth("x", token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}
