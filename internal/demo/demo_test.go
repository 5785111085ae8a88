package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
	"github.com/understudy-ci/understudy/internal/server"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func testDeps(t *testing.T) server.Deps {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return server.Deps{Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Program: self, Env: cleanEnv(), Version: "test"}
}

func TestDemoRunsThrough(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		var out bytes.Buffer
		c := Config{Dir: filepath.Join(t.TempDir(), "demo"), Runners: 2, Database: url}
		err := Run(t.Context(), c, testDeps(t), &Terminal{Out: &out})
		t.Log(out.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`build \(de\): success after`,
			`✓ report +[0-9.]+ m?s +bundled-`,
			`hello 1\.0\.0\n\n +program +digest\n +─+ +─+\n +hello-en +[0-9a-f]{40}\n`,
			`20 tests passed`,
			`run +http://127\.0\.0\.1:\d+/octo/hello/actions/runs/\d+ `,
			`conclusion +success, [0-9.]+ m?s after git push returned\n`,
			`first step +[0-9.]+ m?s`,
			`artifact +hello, 4 files in \d+ bytes, downloaded and as uploaded:\n +sha256:[0-9a-f]{64}\n`,
		} {
			if !regexp.MustCompile(want).MatchString(out.String()) {
				t.Errorf("output lacks %s", want)
			}
		}

		c.Dir = filepath.Join(t.TempDir(), "again")
		err = Run(t.Context(), c, testDeps(t), &Terminal{Out: io.Discard})
		if err == nil || !strings.Contains(err.Error(), "needs one that is empty") {
			t.Errorf("second demo on the same database: got %v", err)
		}
	})
}

// A guest does something when the demo invites to use the server, and then
// presses Ctrl-C.
type guest struct {
	bytes.Buffer
	visit func()
}

func (g *guest) Write(p []byte) (int, error) {
	n, err := g.Buffer.Write(p)
	if bytes.Contains(p, []byte("The log of the server is")) {
		g.visit()
	}
	return n, err
}

// keep gives a demo that is kept in dir for as long as visit takes.
func keep(t *testing.T, dir string, visit func(ctx context.Context, url string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	g := &guest{}
	g.visit = func() {
		defer cancel()
		visit(ctx, regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(g.String()))
	}
	if err := Run(ctx, Config{Dir: dir, Keep: true, Runners: 2}, testDeps(t), &Terminal{Out: g}); err != nil {
		t.Fatalf("%v\n%s", err, g.String())
	}
}

func clientOf(t *testing.T, url, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: url, Token: token})
	if err != nil {
		t.Error(err) // not on the test's own goroutine
	}
	return c
}

func TestDemoThatIsKeptCanBeUsedAndStaysOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's kept")
	keep(t, dir, func(ctx context.Context, url string) {
		if _, err := clientOf(t, url, "").Fetch(ctx, url+"/octo/hello/actions"); err != nil {
			t.Errorf("page without signing in: %v", err)
		}
	})
	for _, name := range []string{"data/admin-token", "octo-token", "hello/build.sh", "gh/config.yml", "server.log"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	token, err := readToken(filepath.Join(dir, "octo-token"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hello/.git/config", "server.log"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || bytes.Contains(text, []byte(token)) {
			t.Errorf("%s holds the token, or: %v", name, err)
		}
	}
}

// moreCheckouts checks out in several ways.
const moreCheckouts = `
on: push
permissions: {contents: read}
jobs:
  checkouts:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
        id: plain
        with: {persist-credentials: false}
      - name: on the branch of the push, with one commit and nothing secret left
        run: |
          test "$(git symbolic-ref HEAD)" = refs/heads/main
          test "$(git rev-parse HEAD)" = "$GITHUB_SHA"
          test "${{ steps.plain.outputs.commit }}" = "$GITHUB_SHA"
          test "$(git rev-list --count HEAD)" = 1
          ! grep -i -e authorization -e x-access .git/config
      - uses: actions/checkout@v5
        with: {ref: v-one, path: old, fetch-depth: 0}
      - run: test "$(git -C old rev-parse HEAD)" = "$(git -C old rev-parse origin/main~1)"
      - uses: actions/checkout@v5
        with: {repository: octo/hello, ref: main, path: other/copy}
      - run: test -f other/copy/build.sh
      - uses: actions/checkout@v5
        id: climbs
        continue-on-error: true
        with: {path: ../../x}
      - uses: actions/checkout@v5
        id: option
        continue-on-error: true
        with: {ref: --upload-pack=touch}
      - run: test ${{ steps.climbs.outcome }}${{ steps.option.outcome }} = failurefailure
`

func TestCheckoutActionReadsPrivateRepositoriesAndOtherRefs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	keep(t, dir, func(ctx context.Context, url string) {
		token, err := readToken(filepath.Join(dir, "octo-token"))
		if err != nil {
			t.Error(err)
			return
		}
		c := clientOf(t, url, token)
		if err := c.Do(ctx, http.MethodPatch, "/repos/"+repo, map[string]bool{"private": true}, nil); err != nil {
			t.Error(err)
			return
		}
		const push = `git tag v-one && git rm -q .github/workflows/ci.yml && mkdir -p .github/workflows && cat >.github/workflows/more.yml &&
			git add .github && git commit -qm more && git push -q origin main v-one`
		cmd := exec.CommandContext(ctx, "bash", "-c", push)
		cmd.Dir, cmd.Env, cmd.Stdin = filepath.Join(dir, "hello"), append(cleanEnv(), "GIT_TERMINAL_PROMPT=0"), strings.NewReader(moreCheckouts)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("push as the demo says: %v\n%s", err, text)
			return
		}
		sha, err := (&clone{dir: cmd.Dir, env: cmd.Env}).head(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		checkConcluded(ctx, t, c, sha)
	})
}

// checkConcluded waits for the run of a commit, which must end well.
func checkConcluded(ctx context.Context, t *testing.T, c *client.Client, sha string) {
	t.Helper()
	w := &watcher{client: c, repo: repo, seen: make(map[string]period)}
	r, err := w.find(ctx, sha)
	if err != nil {
		t.Error(err)
		return
	}
	f, err := w.follow(ctx, r.ID, func(*frame) {})
	if err != nil {
		t.Error(err)
		return
	}
	if f.run.Conclusion == success {
		return
	}
	book, err := readLogs(ctx, c, repo, r.ID)
	if err != nil {
		t.Error(err)
	}
	whole, _ := book.job("checkouts")
	t.Errorf("conclusion %s\n%s", f.run.Conclusion, whole)
}

func TestDemoLeavesNothingBehindWhenInterrupted(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancel(t.Context())
	out := &interrupter{cancel: cancel}
	err := Run(ctx, Config{Runners: 1}, testDeps(t), &Terminal{Out: out})
	if !errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, errInterrupted)
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// An interrupter presses Ctrl-C when the sample is pushed.
type interrupter struct{ cancel func() }

func (i *interrupter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("pushed in")) {
		i.cancel()
	}
	return len(p), nil
}

func TestDemoRefusesADirectoryWithSomethingInIt(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), Config{Dir: dir, Runners: 1}, testDeps(t), &Terminal{Out: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "thesis.txt")); err != nil {
		t.Error(err)
	}
}

func TestDemoSaysWhenGitIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := Run(t.Context(), Config{Runners: 1}, testDeps(t), &Terminal{Out: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "needs git") {
		t.Errorf("got %v", err)
	}
}
