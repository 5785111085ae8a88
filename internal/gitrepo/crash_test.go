package gitrepo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

// The test binary is also the server that gets killed.
const (
	serverRoot = "GITREPO_TEST_ROOT" // set in the environment of that server
	serverMode = "GITREPO_TEST_MODE" // what happens in its Check
)

func TestMain(m *testing.M) {
	if root := os.Getenv(serverRoot); root != "" {
		if err := victim(root, os.Getenv(serverMode)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// victim is a server that prints its address, then a line about the git
// process that waits for its answer, and then waits to be killed: in Check
// ("undecided"), or with the answer given and git held up ("decided").
func victim(root, mode string) error {
	log := slog.New(slog.DiscardHandler)
	g, err := New(root, Limits{}, log, time.Now)
	if err != nil {
		return err
	}
	config, err := os.OpenFile(g.configFile(), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := config.WriteString("[core]\n\tfilesRefLockTimeout = 60000\n"); err != nil {
		return err
	}
	tg := &testGit{Git: g}
	tg.check = func(ctx context.Context, _ []actions.RefUpdate, _ *View) error {
		pid, err := receivePack(os.Getpid())
		if err != nil {
			return err
		}
		if mode == "decided" { // git will wait for this
			err = os.WriteFile(refLock(g), nil, 0o600)
		}
		fmt.Println(pid)
		if mode == "undecided" {
			<-ctx.Done()
		}
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	srv := &http.Server{Handler: tg, ReadHeaderTimeout: time.Minute}
	return srv.Serve(listener)
}

func refLock(g *Git) string { return filepath.Join(g.dir(1), "refs", "heads", "main.lock") }

// receivePack finds the git receive-pack that a process has started.
func receivePack(parent int) (int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range dirs {
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // may be gone
		stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(parent) && strings.Contains(string(cmdline), "receive-pack") {
			return strconv.Atoi(filepath.Base(dir))
		}
	}
	return 0, errors.New("no git receive-pack")
}

// killDuringPush pushes to a server that is killed during Check, or after it.
// It returns a new Git on the same directory, the push, and git's process.
func killDuringPush(t *testing.T, mode string) (*testGit, actions.RefUpdate, int) {
	t.Helper()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc to find the git process")
	}
	g := newTestGit(t, Limits{})
	server := exec.CommandContext(t.Context(), os.Args[0])
	server.Env = append(os.Environ(), serverRoot+"="+g.root, serverMode+"="+mode)
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("server did not start")
	}
	c := g.clone(t)
	c.Git("remote", "set-url", "origin", lines.Text()+"/r.git")
	sha := c.Commit("one", "a.txt", "a")
	pushed := make(chan error)
	go func() {
		_, err := c.Run("push", "origin", "main")
		pushed <- err
	}()
	if !lines.Scan() {
		t.Fatal("push did not reach its check")
	}
	pid, err := strconv.Atoi(lines.Text())
	if err != nil {
		t.Fatal(err)
	}
	if mode == "decided" { // the hook ends when it has read the answer
		waitFor(t, func() bool { return !hasLiveChild(pid) })
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // killed
	if <-pushed == nil {
		t.Error("client was told that its push succeeded")
	}
	return g, actions.RefUpdate{Ref: "refs/heads/main", Before: actions.ZeroSHA, After: sha}, pid
}

// hasLiveChild tells whether a process has children that are no zombies.
func hasLiveChild(parent int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range stats {
		stat, _ := os.ReadFile(path) // may be gone
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(parent) && f[0] != "Z" {
			return true
		}
	}
	return false
}

func TestServerKilledBeforeTheIntentLeavesNoRef(t *testing.T) {
	g, u, pid := killDuringPush(t, "undecided")
	waitFor(t, func() bool { return syscall.Kill(pid, 0) != nil }) // git gives up by itself
	applied, err := g.Applied(t.Context(), 1, []actions.RefUpdate{u})
	if len(applied) != 0 || err != nil {
		t.Errorf("applied %v, %v; want none", applied, err)
	}
	if got := g.tip(t, u.Ref); got != "" {
		t.Errorf("ref is at %s", got)
	}
}

func TestStartWaitsForGitThatAKilledServerLeftBehind(t *testing.T) {
	g, u, _ := killDuringPush(t, "decided")
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if applied, err := g.Applied(soon, 1, []actions.RefUpdate{u}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with git still at it: %v, %v; want to wait", applied, err)
	}
	if err := os.Remove(refLock(g.Git)); err != nil {
		t.Fatal(err)
	}
	applied, err := g.Applied(t.Context(), 1, []actions.RefUpdate{u})
	if diff := cmp.Diff([]actions.RefUpdate{u}, applied); diff != "" || err != nil {
		t.Errorf("applied: %v (-want +got):\n%s", err, diff)
	}
}

func TestLeftoversOfPowerLossDoNotStopPushes(t *testing.T) {
	g := newTestGit(t, Limits{})
	dir := g.dir(1)
	old := filepath.Join(dir, "objects", "tmp_objdir-incoming-old")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"refs/heads/main.lock", "packed-refs.lock", "HEAD.lock"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := g.clone(t)
	c.Commit("a")
	c.Git("push", "-q", "origin", "main", "main:other")
	c.Git("push", "-q", "origin", ":other")
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("old quarantine: %v", err)
	}
}
