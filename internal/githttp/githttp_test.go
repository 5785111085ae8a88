package githttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
)

func TestCloneFetchAndPushInEveryVersion(t *testing.T) {
	for _, version := range []string{"0", "1", "2"} {
		t.Run("version "+version, func(t *testing.T) {
			w := newWorld(t, gitrepo.Limits{})
			c := gittest.New(t, w.remote("owner", "octo/private.git"))
			c.Git("config", "protocol.version", version)
			a := c.Commit("one", "a.txt", "a")
			c.Git("push", "-q", "origin", "main")

			copied := filepath.Join(t.TempDir(), "copy")
			c.Git("-c", "protocol.version="+version, "clone", "-q", w.remote("reader", "octo/private"), copied)
			d := &gittest.Tree{T: t, Dir: copied}
			d.Git("config", "protocol.version", version)
			if got := d.Git("rev-parse", "HEAD"); got != a {
				t.Errorf("clone is at %s, want %s", got, a)
			}
			b := c.Commit("two", "a.txt", "b")
			c.Git("tag", "v1")
			c.Git("push", "-q", "--atomic", "origin", "main", "v1")
			d.Git("fetch", "-q", "--tags")
			if got := d.Git("rev-parse", "origin/main", "v1"); got != b+"\n"+b {
				t.Errorf("fetch gave %s, want %s twice", got, b)
			}
			if len(w.updates()) != 3 {
				t.Errorf("applied %v, want 3 updates", w.updates())
			}
		})
	}
}

func TestEmptyRepositoryClonesWithItsDefaultBranch(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	if err := w.git.SetHead(t.Context(), 1, "trunk"); err != nil {
		t.Fatal(err)
	}
	c := gittest.New(t, w.url)
	c.Git("clone", "-q", w.remote("reader", "octo/private"), "copy")
	if got := c.Git("-C", "copy", "symbolic-ref", "HEAD"); got != "refs/heads/trunk" {
		t.Errorf("HEAD is %s", got)
	}
}

func TestACloneWithoutADefaultBranchSaysSo(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	c := gittest.New(t, w.remote("owner", "octo/private"))
	sha := c.Commit("one", "a.txt", "a")
	c.Git("push", "-q", "origin", "main:dev", "main:other")
	const note = "remote: warning: the default branch 'main' of this repository does not exist, so nothing is checked out."
	clone := func(args ...string) (*gittest.Tree, string) {
		dir := filepath.Join(t.TempDir(), "c")
		out := c.Git(append(append([]string{"clone"}, args...), w.remote("reader", "octo/private"), dir)...)
		return newCloneAt(t, dir, "2"), out
	}
	d, out := clone()
	if !strings.Contains(out, note) {
		t.Errorf("clone prints %s", out)
	}
	c.Commit("two", "a.txt", "b")
	c.Git("push", "-q", "origin", "main:dev")
	if out := d.Git("fetch"); strings.Contains(out, "remote: warning") {
		t.Errorf("fetch prints %s", out)
	}
	for _, args := range [][]string{{"--depth=1", "-b", "other"}, {"-b", "other", "-c", "protocol.version=0"}} {
		d, _ := clone(args...)
		if got := d.Git("rev-parse", "HEAD"); got != sha {
			t.Errorf("%v is at %s", args, got)
		}
	}
	c.Git("push", "-q", "origin", "main")
	if _, out := clone(); strings.Contains(out, "remote: warning") {
		t.Errorf("with the branch there, clone prints %s", out)
	}
}

func TestAFetchOfADamagedRepositorySaysSo(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	c := gittest.New(t, w.remote("owner", "octo/private"))
	c.Commit("one", "a.txt", "a")
	c.Git("push", "-q", "origin", "main")
	c.Git("fetch", "-q")
	heads, err := filepath.Glob(filepath.Join(w.dir, "repos", "1.git", "HEAD"))
	if err != nil || len(heads) != 1 {
		t.Fatalf("HEAD: %v, %v", heads, err)
	}
	if err := os.Remove(heads[0]); err != nil {
		t.Fatal(err)
	}
	out, err := c.Run("fetch")
	if want := "fatal: remote error: upload-pack: the server cannot read this repository; its log says why"; err == nil || !strings.Contains(out, want) {
		t.Errorf("fetch prints %q, %v; want %q", out, err, want)
	}
}

func TestShallowAndPartialClones(t *testing.T) {
	for _, version := range []string{"0", "2"} {
		w := newWorld(t, gitrepo.Limits{})
		c := gittest.New(t, w.remote("owner", "octo/private"))
		old := c.Commit("one", "a.txt", "old content", "dir/b.txt", "b")
		c.Commit("two", "a.txt", "new content")
		c.Git("push", "-q", "origin", "main")
		clone := func(args ...string) *gittest.Tree {
			dir := filepath.Join(t.TempDir(), "c")
			args = append([]string{"-c", "protocol.version=" + version, "clone", "-q"}, args...)
			c.Git(append(args, w.remote("reader", "octo/private"), dir)...)
			return newCloneAt(t, dir, version)
		}
		shallow := clone("--depth=1")
		if got := shallow.Git("rev-list", "--count", "HEAD"); got != "1" {
			t.Errorf("version %s: shallow clone has %s commits", version, got)
		}
		shallow.Git("fetch", "-q", "--unshallow")
		if got := shallow.Git("rev-list", "--count", "HEAD"); got != "2" {
			t.Errorf("version %s: unshallowed clone has %s commits", version, got)
		}
		for _, filter := range []string{"blob:none", "blob:limit=5", "tree:0"} {
			partial := clone("--filter="+filter, "--no-checkout")
			if got := partial.Git("rev-list", "--objects", "--all", "--missing=print"); !strings.Contains(got, "?") {
				t.Errorf("version %s, %s: nothing is missing", version, filter)
			}
			partial.Git("checkout", "-q", "main")                               // fetches by hash what the tip has
			if got := partial.Git("show", old+":a.txt"); got != "old content" { // and what it had
				t.Errorf("version %s, %s: old file is %q", version, filter, got)
			}
		}
		if _, err := c.Run("clone", "-q", "--filter=sparse:oid=main:a.txt", "-c", "protocol.version="+version,
			w.remote("reader", "octo/private"), filepath.Join(t.TempDir(), "c")); err == nil {
			t.Errorf("version %s: a filter that is not allowed works", version)
		}
	}
}

func newCloneAt(t *testing.T, dir, version string) *gittest.Tree {
	t.Helper()
	c := &gittest.Tree{T: t, Dir: dir}
	c.Git("config", "protocol.version", version)
	return c
}

func TestWhatNoRefReachesIsNotGivenOut(t *testing.T) {
	for _, version := range []string{"0", "2"} {
		w := newWorld(t, gitrepo.Limits{})
		c := gittest.New(t, w.remote("owner", "octo/private"))
		a := c.Commit("one", "a.txt", "a")
		b := c.Commit("two", "a.txt", "the secret that was pushed by mistake")
		blob, tree := c.Git("rev-parse", "HEAD:a.txt"), c.Git("rev-parse", "HEAD^{tree}")
		c.Git("push", "-q", "origin", "main")
		reader := gittest.New(t, w.remote("reader", "octo/private"))
		reader.Git("config", "protocol.version", version)
		for _, sha := range []string{a, b} {
			reader.Git("fetch", "-q", "--depth=1", "origin", sha) // as actions/checkout does
		}
		c.Git("push", "-q", "-f", "origin", a+":main")
		fresh := gittest.New(t, w.remote("reader", "octo/private"))
		fresh.Git("config", "protocol.version", version)
		for _, sha := range []string{b, blob, tree, strings.Repeat("1", 40), actions.ZeroSHA} {
			if out, err := fresh.Run("fetch", "-q", "origin", sha); err == nil {
				t.Errorf("version %s: fetched %s\n%s", version, sha, out)
			} else if !strings.Contains(out, "not our ref "+sha) {
				t.Errorf("version %s: %s", version, out)
			}
		}
		fresh.Git("fetch", "-q", "origin", a)
	}
}

func TestLargePackIsStreamed(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	c := gittest.New(t, w.remote("owner", "octo/private"))
	noise := make([]byte, 20<<20)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(noise)
	sha := c.Commit("noise", "noise.bin", string(noise))
	out := c.Git("push", "--progress", "origin", "main")
	if strings.Contains(out, "remote: error") {
		t.Errorf("push:\n%s", out)
	}
	if got := w.lastLength(); got != -1 {
		t.Errorf("pack came with length %d, want a chunked body", got)
	}
	d := gittest.New(t, w.remote("reader", "octo/private"))
	d.Git("fetch", "-q", "origin", "main")
	if got := d.Git("rev-parse", "FETCH_HEAD"); got != sha {
		t.Errorf("fetched %s, want %s", got, sha)
	}
}

func TestPushAboveTheLimitIsRefused(t *testing.T) {
	for name, limits := range map[string]gitrepo.Limits{
		"pack":       {PushBytes: 100_000},
		"repository": {RepoBytes: 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, limits)
			c := gittest.New(t, w.remote("owner", "octo/private"))
			noise := make([]byte, 3<<20)
			random := rand.NewChaCha8([32]byte{})
			_, _ = random.Read(noise)
			c.Commit("small", "a", "b")
			c.Git("push", "-q", "origin", "main")
			c.Commit("noise", "noise.bin", string(noise))
			if out, err := c.Run("push", "origin", "main:x"); err == nil || !strings.Contains(out, "remote rejected") {
				t.Errorf("push: %v\n%s", err, out)
			}
			if len(w.updates()) != 1 {
				t.Errorf("applied %v", w.updates())
			}
		})
	}
}

func TestCompressedRequestIsUnpackedAndBounded(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{RequestBytes: 1 << 20})
	c := gittest.New(t, w.remote("owner", "octo/public"))
	sha := c.Commit("one")
	c.Git("push", "-q", "origin", "main")
	pack := func(text string) *bytes.Buffer {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return &b
	}
	header := map[string]string{
		"Content-Type": "application/x-git-upload-pack-request", "Content-Encoding": "gzip", "Git-Protocol": "version=2",
	}
	line := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	want := line("command=fetch") + "0001" + line("want "+sha) + line("done") + "0000"
	res, body := w.do(t, "POST", "/octo/public/git-upload-pack", "", header, pack(want))
	if res.StatusCode != http.StatusOK || !strings.Contains(body, "PACK") {
		t.Errorf("%s: %.100q", res.Status, body)
	}
	bomb := strings.Repeat(line("have "+sha), 100_000)
	if res, body := w.do(t, "POST", "/octo/public/git-upload-pack", "", header, pack(bomb)); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("bomb: %s %q", res.Status, body)
	}
	for _, encoding := range []string{"br", "gzip"} {
		header["Content-Encoding"] = encoding
		if res, _ := w.do(t, "POST", "/octo/public/git-upload-pack", "", header, strings.NewReader("nonsense")); res.StatusCode/100 != 4 {
			t.Errorf("%s: %s", encoding, res.Status)
		}
	}
}

func TestRefusalsHaveGitHubsWords(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	const upload, receive = "info/refs?service=git-upload-pack", "info/refs?service=git-receive-pack"
	for _, tt := range []struct {
		name, path, token string
		status            int
		text              string
	}{
		{"private, anonymous", "private/" + upload, "", 401, "Repository not found."},
		{"missing, anonymous", "nope.git/" + upload, "", 401, "Repository not found."},
		{"strange, anonymous", "no%2fpe/" + upload, "", 401, "Repository not found."},
		{"missing", "nope/" + upload, "owner", 404, "Repository not found."},
		{"strange", "%00/" + upload, "owner", 404, "Repository not found."},
		{"climbing", "..%2f..%2fx/" + upload, "owner", 404, "Repository not found."},
		{"bad token", "public/" + upload, "wrong", 401, "Invalid username or token. Password authentication is not supported for Git operations."},
		{"bad token, private", "private/" + upload, "wrong", 401, "Invalid username or token. Password authentication is not supported for Git operations."},
		{"public, anonymous", "public/" + upload, "", 200, "git-upload-pack"},
		{"private, reader", "private.git/" + upload, "reader", 200, "git-upload-pack"},
		{"push, anonymous", "public/" + receive, "", 401, "No anonymous write access."},
		{"push, private, anonymous", "private/" + receive, "", 401, "Repository not found."},
		{"push, reader", "private/" + receive, "reader", 403, "Write access to repository not granted."},
		{"push, owner", "private/" + receive, "owner", 200, "git-receive-pack"},
		{"dumb", "public/info/refs", "", 403, "Please upgrade your git client."},
		{"dumb, private", "private/info/refs", "", 401, "Repository not found."},
		{"dumb file", "public.git/HEAD", "", 404, "Not Found"},
		{"dumb object", "public.git/objects/info/packs", "", 404, "Not Found"},
		{"archive service", "public/info/refs?service=git-upload-archive", "", 403, "Service not supported."},
		{"option as service", "public/info/refs?service=git---help", "", 403, "Service not supported."},
	} {
		res, body := w.do(t, "GET", "/octo/"+tt.path, tt.token, nil, nil)
		if res.StatusCode != tt.status || !strings.Contains(body, tt.text) {
			t.Errorf("%s: got %d %q, want %d %q", tt.name, res.StatusCode, body, tt.status, tt.text)
		}
		challenge := res.Header.Get("WWW-Authenticate")
		if (tt.status == 401) != (challenge == `Basic realm="GitHub"`) {
			t.Errorf("%s: challenge %q", tt.name, challenge)
		}
	}
	for _, service := range []string{"git-upload-pack", "git-receive-pack"} {
		header := map[string]string{"Content-Type": "application/x-" + service + "-request"}
		if res, _ := w.do(t, "POST", "/octo/private/"+service, "", header, strings.NewReader("0000")); res.StatusCode != 401 {
			t.Errorf("%s without credentials: %s", service, res.Status)
		}
		if res, _ := w.do(t, "POST", "/octo/private/"+service, "owner", nil, strings.NewReader("0000")); res.StatusCode != 415 {
			t.Errorf("%s without a type: %s", service, res.Status)
		}
	}
}

func TestAnswersAreNotCached(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	res, _ := w.do(t, "GET", "/octo/public/info/refs?service=git-upload-pack", "", nil, nil)
	for name, want := range map[string]string{
		"Content-Type":  "application/x-git-upload-pack-advertisement",
		"Cache-Control": "no-cache, max-age=0, must-revalidate",
		"Pragma":        "no-cache",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestWorkflowFilesNeedTheirScope(t *testing.T) {
	const ci = ".github/workflows/ci.yml"
	w := newWorld(t, gitrepo.Limits{})
	owner := gittest.New(t, w.remote("owner", "octo/private"))
	owner.Commit("one", "a.txt", "a")
	owner.Git("push", "-q", "origin", "main")
	for token, want := range map[string]string{
		"noworkflow": "(refusing to allow a Personal Access Token to create or update workflow `" + ci + "` without `workflow` scope)",
		"app":        "(refusing to allow a GitHub App to create or update workflow `" + ci + "` without `workflows` permission)",
	} {
		c := gittest.New(t, w.remote(token, "octo/private"))
		c.Git("fetch", "-q", "origin")
		c.Git("reset", "-q", "--hard", "origin/main")
		c.Commit("plain", "b.txt", token)
		c.Git("push", "-q", "origin", "main:"+token)
		c.Commit("workflow", ci, "on: push")
		if out, err := c.Run("push", "origin", "main:"+token, "main:refs/tags/t"); err == nil || strings.Count(out, want) != 2 {
			t.Errorf("%s creates: %v\n%s", token, err, out)
		}
	}
	owner.Commit("workflow", ci, "on: push")
	owner.Git("push", "-q", "origin", "main")
	c := gittest.New(t, w.remote("noworkflow", "octo/private"))
	c.Git("fetch", "-q", "origin")
	c.Git("reset", "-q", "--hard", "origin/main")
	c.Commit("copy", "c.txt", "c")
	c.Git("push", "-q", "origin", "main:copy") // the file is on another branch already
	c.Commit("change", ci, "on: [push, pull_request]")
	if out, err := c.Run("push", "origin", "main:copy"); err == nil || !strings.Contains(out, "without `workflow` scope") {
		t.Errorf("change: %v\n%s", err, out)
	}
	c.Git("rm", "-q", ci)
	c.Commit("remove")
	c.Git("push", "-q", "origin", "main:copy")
	c.Git("push", "-q", "origin", ":copy")
}

func TestErrorsOfAPushReachTheClient(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	c := gittest.New(t, w.remote("owner", "octo/private"))
	c.Commit("one")
	for _, tt := range []struct {
		err  error
		want string
	}{
		{actions.Errorf(actions.Forbidden, "this repository is archived"), "remote: error: this repository is archived"},
		{fmt.Errorf("disk on fire"), "remote: error: Internal Server Error"},
	} {
		w.push = func(context.Context, []actions.RefUpdate, *gitrepo.View) (func(context.Context, []actions.RefUpdate) error, error) {
			return nil, tt.err
		}
		if out, err := c.Run("push", "origin", "main"); err == nil || !strings.Contains(out, tt.want) || strings.Contains(out, "fire") {
			t.Errorf("%v: %v\n%s", tt.err, err, out)
		}
	}
}

func TestPushWaitsForAContinue(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	c := gittest.New(t, w.remote("owner", "octo/private"))
	c.Commit("one")
	c.Git("-c", "http.extraHeader=Expect: 100-continue", "push", "-q", "origin", "main")
}

func TestPathsOfGit(t *testing.T) {
	for path, want := range map[string]bool{
		"/o/r/info/refs": true, "/o/r.git/info/refs": true, "/o/r.git/git-upload-pack": true, "/o/r/git-receive-pack": true,
		"/o/r.git/HEAD": true, "/o/r.git/objects/aa/bb": true, "/o/r.git": false, "/o/r": false, "/o/r/actions": false,
		"/info/refs": false, "o/r/info/refs": false, "": false, "/o/r/info/refs/x": false,
	} {
		if got := Serves(path); got != want {
			t.Errorf("Serves(%q) = %v", path, got)
		}
	}
}

func TestNoHookOfARepositoryRuns(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	marker := filepath.Join(t.TempDir(), "ran")
	dir := w.repoDir(t)
	hooks := filepath.Join(dir, "hooks")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, hook := range []string{"pre-receive", "update", "post-receive", "post-update", "reference-transaction", "proc-receive", "push-to-checkout"} {
		if err := os.WriteFile(filepath.Join(hooks, hook), []byte("#!/bin/sh\ntouch "+marker+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := gittest.New(t, w.remote("owner", "octo/private"))
	c.Commit("one", "hooks/post-receive", "#!/bin/sh\ntouch "+marker+"\n")
	c.Git("push", "-q", "origin", "main")
	c.Git("fetch", "-q", "origin")
	if _, err := os.Stat(marker); !os.IsNotExist(err) {
		t.Errorf("a hook ran: %v", err)
	}
}

// repoDir finds where octo/private lives on disk.
func (w *world) repoDir(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(t.TempDir()), "*", "git", "repos", "1.git"))
	if err != nil || len(found) != 1 {
		t.Fatalf("repositories %v, %v", found, err)
	}
	return found[0]
}
