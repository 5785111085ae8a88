package gittest

import (
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A Host is a host of git repositories on loopback, as git serves them over HTTP.
type Host struct {
	*httptest.Server
	Git http.Handler // what answers
	t   testing.TB
	dir string

	mu       sync.Mutex
	requests []string // paths, in the order of their coming
	instead  http.Handler
}

// NewHost starts a host without repositories.
func NewHost(t testing.TB) *Host {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	h := &Host{t: t, dir: t.TempDir()}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"), Dir: h.dir, Stderr: io.Discard,
		Env: []string{
			"GIT_PROJECT_ROOT=" + h.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + h.dir, "REMOTE_USER=nobody",
			"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_0=true", // as big hosts do
			"GIT_CONFIG_KEY_1=uploadpack.allowFilter", "GIT_CONFIG_VALUE_1=true",
		},
	}
	h.Git = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := *backend
		b.Env = append(slices.Clip(b.Env), "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))
		b.ServeHTTP(w, r)
	})
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.requests = append(h.requests, r.URL.Path)
		instead := h.instead
		h.mu.Unlock()
		if instead != nil {
			instead.ServeHTTP(w, r)
			return
		}
		h.Git.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

// Instead lets a handler answer everything, which may ask h.Git; nil ends that.
func (h *Host) Instead(answer http.Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.instead = answer
}

// Requests are the paths that were asked for since the last call.
func (h *Host) Requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.requests
	h.requests = nil
	return list
}

// Add makes a repository, "owner/name", and returns a tree that pushes to it.
func (h *Host) Add(name string) *Tree {
	h.t.Helper()
	bare := h.Path(name)
	if err := os.MkdirAll(filepath.Dir(bare), 0o755); err != nil {
		h.t.Fatal(err)
	}
	c := New(h.t, bare)
	c.Git("init", "-q", "--bare", "-b", "main", bare)
	return c
}

// Path is where a repository is on this machine.
func (h *Host) Path(name string) string {
	return filepath.Join(h.dir, filepath.FromSlash(name)+".git")
}
