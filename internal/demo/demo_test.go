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
			`action +actions/checkout@v5 pushed in`,
			`build \(de\): success after`,
			`✓ report +\d+ ms +bundled-`,
			`hello 1\.0\.0\n\n +program +digest\n +─+ +─+\n +hello-en +[0-9a-f]{40}\n`,
			`20 tests passed`,
			`run +http://127\.0\.0\.1:\d+/octo/hello/actions/runs/\d+\n`,
			`conclusion +success, [0-9.]+ m?s after git push returned\n`,
			`first step +\d+ ms`,
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

// A follower cancels the context when the demo invites to use it.
type follower struct {
	bytes.Buffer
	invited func()
}

func (f *follower) Write(p []byte) (int, error) {
	n, err := f.Buffer.Write(p)
	if bytes.Contains(p, []byte("The log of the server is")) {
		f.invited()
	}
	return n, err
}

func TestDemoThatIsKeptTakesAnotherPushAndStaysOnDisk(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := filepath.Join(t.TempDir(), "it's kept")
	out := &follower{}
	out.invited = func() {
		defer cancel()
		url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(out.String())
		res, err := get(ctx, url+"/octo/hello/actions")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("page: %v, %v", res, err)
		}
		push := exec.CommandContext(ctx, "bash", "-c", "git commit -q --allow-empty -m again && git push -q")
		push.Dir, push.Env = filepath.Join(dir, "hello"), append(cleanEnv(), "GIT_TERMINAL_PROMPT=0")
		if text, err := push.CombinedOutput(); err != nil {
			t.Errorf("push as the demo says: %v\n%s", err, text)
		}
	}
	err := Run(ctx, Config{Dir: dir, Keep: true, Runners: 2}, testDeps(t), &Terminal{Out: out})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
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

func get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	return res, res.Body.Close()
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
