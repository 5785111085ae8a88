package builtin_test

import (
	"crypto/subtle"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A remote is a server with the repositories octo/hello, octo/part and
// octo/empty, which asks for the token "ghs_secret". Real git answers.
type remote struct {
	t     *testing.T
	url   string
	root  string
	fails atomic.Int32 // so many requests are answered with 503
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	program, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	if err != nil {
		t.Skipf("no git: %v", err)
	}
	r := &remote{t: t, root: t.TempDir()}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(program)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + r.root, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + r.root},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, password, _ := req.BasicAuth()
		switch {
		case r.fails.Add(-1) >= 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		case subtle.ConstantTimeCompare([]byte(password), []byte("ghs_secret")) == 0:
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			backend.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	for _, name := range []string{"hello", "part", "empty"} {
		r.git(name, "init", "--quiet", "--initial-branch=main", ".")
		r.git(name, "config", "uploadpack.allowAnySHA1InWant", "true")
		r.git(name, "config", "uploadpack.allowFilter", "true")
		if name != "empty" {
			r.commit(name, "README", name)
		}
	}
	return r
}

func (r *remote) git(name string, args ...string) string {
	r.t.Helper()
	dir := filepath.Join(r.root, "octo", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.root, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=o", "GIT_AUTHOR_EMAIL=o@example.com", "GIT_COMMITTER_NAME=o", "GIT_COMMITTER_EMAIL=o@example.com",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit changes files, given as names and texts in turn, and returns the SHA.
func (r *remote) commit(name string, files ...string) string {
	r.t.Helper()
	for i := 0; i+1 < len(files); i += 2 {
		writeFile(r.t, filepath.Join(r.root, "octo", name, files[i]), files[i+1])
	}
	r.git(name, "add", "--all")
	r.git(name, "commit", "--quiet", "--allow-empty", "--message=change")
	return r.git(name, "rev-parse", "HEAD")
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// job is a job of octo/hello on a ref at a commit.
func (r *remote) job(ref, sha string) *workspace {
	r.t.Helper()
	w := newWorkspace(r.t)
	w.context["github.repository"], w.context["github.token"] = "octo/hello", "ghs_secret"
	maps.Copy(w.env, map[string]string{
		"GITHUB_REPOSITORY": "octo/hello", "GITHUB_REF": ref, "GITHUB_SHA": sha,
		"GITHUB_SERVER_URL": "http://nowhere.localhost", "GITHUB_API_URL": r.url + "/api/v3",
	})
	return w
}

// git asks git in the workspace.
func (w *workspace) git(args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "git", args...)
	cmd.Dir = w.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.env["HOME"], "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// tree lists the files of the workspace that are not git's own.
func (w *workspace) tree() []string {
	w.t.Helper()
	var names []string
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ".git" {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.IsDir() {
			name, _ := filepath.Rel(w.dir, path) // below it
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

func (r *remote) in(t *testing.T) *remote {
	t.Helper()
	return &remote{t: t, url: r.url, root: r.root}
}
