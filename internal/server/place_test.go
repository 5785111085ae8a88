package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/runner"
)

// gone waits until a file is gone.
func gone(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		_, err := os.Lstat(path)
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is still there: %v", path, err)
		}
	}
}

func TestRunnersMoveOutOfTheDataDirectory(t *testing.T) {
	c, d := testConfig(t), testDeps(t)
	c.Runners = 1
	d.Program, d.Env = program(t, standIn), []string{"PATH=" + os.Getenv("PATH")}
	first, second := filepath.Join(c.Data, "runners", "1"), filepath.Join(c.Data, "runners", "2")
	oneEnded, twoEnded := oldRunner(t, first), oldRunner(t, second)
	if err := os.Chmod(c.Data, 0o700); err != nil { // a directory
		t.Fatal(err)
	}
	start(t, c, d)
	oneEnded()
	twoEnded()
	gone(t, first)
	gone(t, second)
	gone(t, filepath.Dir(first))
	file(t, filepath.Join(c.Data+"-runners", "1", "args"))
}

// Runners that outlived an earlier server come back to the port that they know.
func TestThePortOfTheRunnersMovesWithThem(t *testing.T) {
	c, d := testConfig(t), testDeps(t)
	c.Listen, c.Runners = []string{"unix:" + filepath.Join(t.TempDir(), "s")}, 1
	d.Program, d.Env = program(t, standIn), []string{"PATH=" + os.Getenv("PATH")}
	first := start(t, c, d)
	moved := filepath.Join(c.Data+"-runners", "port")
	port := file(t, moved)
	if err := errors.Join(first.stop(), os.Mkdir(filepath.Join(c.Data, "runners"), 0o700)); err != nil {
		t.Fatal(err)
	}
	first.close()
	if err := os.Rename(moved, filepath.Join(c.Data, "runners", "port")); err != nil {
		t.Fatal(err)
	}
	second := start(t, c, d)
	if got := file(t, moved); got != port || !strings.HasSuffix(second.urls[1], ":"+strings.TrimSpace(port)) {
		t.Errorf("the port was %s, is %s: %q", port, got, second.urls)
	}
	gone(t, filepath.Join(c.Data, "runners"))
}

// Its jobs would have the isolation that it was started with.
func TestARunnerWithOtherArgumentsIsReplaced(t *testing.T) {
	c, d := testConfig(t), testDeps(t)
	c.Runners = 1
	d.Program, d.Env = program(t, standIn), []string{"PATH=" + os.Getenv("PATH")}
	p := newPlace(c.Data+"-runners", 1)
	ended := oldRunner(t, p.root)
	if err := p.note([]string{"runner", "--isolation", "another"}); err != nil {
		t.Fatal(err)
	}
	start(t, c, d)
	ended()
	if args := file(t, filepath.Join(p.root, "args")); !strings.Contains(args, "--isolation none") {
		t.Errorf("the new runner: %q", args)
	}
}

// They would take jobs of a server that is to have none.
func TestRunnersThatThisServerDoesNotHaveAreEnded(t *testing.T) {
	c := testConfig(t)
	first, third := oldRunner(t, newPlace(c.Data+"-runners", 1).root), oldRunner(t, newPlace(c.Data+"-runners", 3).root)
	start(t, c, testDeps(t))
	first()
	third()
}

func TestTheDirectoryOfTheRunners(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "runners")
	c, d := testConfig(t), testDeps(t)
	c.Runners, c.RunnerDir = 1, taken
	start(t, c, d)
	other := testConfig(t)
	other.Runners, other.RunnerDir = 1, taken
	s, err := New(t.Context(), other, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Run(t.Context(), nil), s.Close()); err == nil || !strings.Contains(err.Error(), "choose another --runner-dir") {
		t.Errorf("two servers on one directory: %v", err)
	}
	inside := testConfig(t)
	inside.RunnerDir = filepath.Join(inside.Data, "x")
	if err := inside.check(); actions.KindOf(err) != actions.Invalid || !strings.Contains(err.Error(), "--runner-dir") {
		t.Errorf("in the data directory: %v", err)
	}
	none := testConfig(t)
	start(t, none, d)
	if _, err := os.Stat(none.Data + "-runners"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a server without runners has made a directory for them: %v", err)
	}
	barred := testConfig(t)
	barred.Runners = 1
	if err := os.WriteFile(barred.Data+"-runners", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.Program, d.Env = program(t, standIn), []string{"PATH=" + os.Getenv("PATH")}
	start(t, barred, d)
	file(t, filepath.Join(barred.Data, "runners", "1", "args"))
	if _, ok := runner.Running(filepath.Join(barred.Data, "runners", "1")); ok {
		t.Error("what stands in for a runner has no lock")
	}
}
