package gh_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/runner/gh"
)

// open makes a socket to a server, and a client of it as gh is one.
func open(t *testing.T, dir, server string) (*gh.Socket, *http.Client) {
	t.Helper()
	return openAt(t, dir, server, server+"/api/v3")
}

// openAt is open for a server whose name leads elsewhere.
func openAt(t *testing.T, dir, server, api string) (*gh.Socket, *http.Client) {
	t.Helper()
	s, err := gh.Open(dir, server, api, "octo/hello", slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // again, perhaps
	path := socketOf(t, dir)
	return s, &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	}}
}

// socketOf is the socket that a configuration of gh names.
func socketOf(t *testing.T, dir string) string {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(dir, "config.yml"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(config), "http_unix_socket: ")
	path, err := strconv.Unquote(strings.TrimSpace(text))
	if err != nil {
		t.Fatalf("configuration %q: %v", config, err)
	}
	return path
}

func get(t *testing.T, c *http.Client, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestTheSocketLeadsToTheServerAndToNoOther(t *testing.T) {
	t.Parallel()
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "stored "+r.Header.Get("Authorization"))
	}))
	t.Cleanup(storage.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v3/zip" {
			http.Redirect(w, r, storage.URL+"/zip", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, r.Host+" "+r.URL.EscapedPath()+"?"+r.URL.RawQuery)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	_, c := open(t, filepath.Join(t.TempDir(), "gh"), server.URL)
	for _, tt := range []struct {
		url    string
		status int
		want   string
	}{
		{"http://" + host + "/api/v3/repos/a%2Fb?x=%zz;y&z", 200, host + " /api/v3/repos/a%2Fb?x=%zz;y&z"},
		{"http://" + host + "//twice", 200, host + " //twice?"},
		{"http://api." + host + "/user", 200, host + " /api/v3/user?"},
		{"http://api." + host + "/graphql", 200, host + " /api/graphql?"},
		{"http://" + host + "/api/v3/zip", 200, "stored "},
		{"http://github.com/user", 421, `{"message":"gh asks for github.com: in this job it is set up for ` + host + `, by a GH_TOKEN or GITHUB_TOKEN in the env of the step. For another host give the step GH_HOST, too."}` + "\n"},
	} {
		if status, body := get(t, c, tt.url); status != tt.status || body != tt.want {
			t.Errorf("%s: got %d %q, want %d %q", tt.url, status, body, tt.status, tt.want)
		}
	}
	server.Close()
	if status, body := get(t, c, "http://"+host+"/user"); status != http.StatusBadGateway || !strings.Contains(body, "The runner cannot reach "+server.URL) {
		t.Errorf("without a server: %d %q", status, body)
	}
}

// The server may have a name that leads elsewhere, or nowhere.
func TestTheServerIsReachedByTheAddressOfItsAPI(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" "+r.URL.EscapedPath())
	}))
	t.Cleanup(server.Close)
	_, c := openAt(t, filepath.Join(t.TempDir(), "gh"), "http://ci.localhost:1", server.URL+"/api/v3/")
	if status, body := get(t, c, "http://api.ci.localhost:1/user"); status != 200 || body != "ci.localhost:1 /api/v3/user" {
		t.Errorf("got %d %q", status, body)
	}
}

func TestTheSocketIsTheJobsOwnAndGoesWithIt(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{filepath.Join(t.TempDir(), "gh"), filepath.Join(t.TempDir(), strings.Repeat("long/", 30))} {
		s, _ := open(t, dir, "http://127.0.0.1:1")
		path := socketOf(t, dir)
		info, err := os.Stat(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o700 {
			t.Errorf("%s has mode %o", filepath.Dir(path), got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	for _, urls := range [][2]string{{"ftp://x", "http://x/api/v3"}, {"http://x", "ftp://x/api/v3"}} {
		if _, err := gh.Open(t.TempDir(), urls[0], urls[1], "octo/hello", slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("a server that is none is taken: %q", urls)
		}
	}
}

func TestWhatAStepSaysItselfCountsMore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gh")
	s, _ := open(t, dir, "http://ci.example:3000")
	type env = map[string]string
	always, host := env{"GH_CONFIG_DIR": dir, "GH_REPO": "octo/hello"}, "ci.example:3000"
	for _, tt := range []struct {
		name       string
		given, add env
	}{
		{"nothing", env{}, env{}},
		{"a token", env{"GITHUB_TOKEN": "b"}, env{"GH_HOST": host, "GH_ENTERPRISE_TOKEN": "b"}},
		{"two tokens", env{"GITHUB_TOKEN": "b", "GH_TOKEN": "a"}, env{"GH_HOST": host, "GH_ENTERPRISE_TOKEN": "a"}},
		{"an empty token", env{"GITHUB_TOKEN": "", "GH_TOKEN": ""}, env{}},
		{"one of two", env{"GITHUB_TOKEN": "b", "GH_TOKEN": ""}, env{"GH_HOST": host, "GH_ENTERPRISE_TOKEN": "b"}},
		{"a token for such a server", env{"GH_TOKEN": "a", "GITHUB_ENTERPRISE_TOKEN": "c"}, env{"GH_HOST": host}},
		{"the host", env{"GH_HOST": "CI.example:3000"}, env{}},
		{"another repository", env{"GH_REPO": ""}, env{}},
		{"another host", env{"GH_HOST": "github.com", "GH_TOKEN": "a"}, nil},
	} {
		want := maps.Clone(tt.given)
		if tt.add != nil {
			want = maps.Clone(always)
			maps.Copy(want, tt.given)
			maps.Copy(want, tt.add)
		}
		s.Add(tt.given)
		if d := cmp.Diff(want, tt.given); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	none := env{"A": "b"}
	(*gh.Socket)(nil).Add(none)
	if len(none) != 1 {
		t.Errorf("without a socket: %v", none)
	}
}
