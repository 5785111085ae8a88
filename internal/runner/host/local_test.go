package host_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// A printed is what a process has printed so far.
type printed struct {
	mu    sync.Mutex
	text  strings.Builder
	wrote chan struct{} // gets something whenever there is more
}

func (p *printed) take(batch []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text.Write(batch)
	select {
	case p.wrote <- struct{}{}:
	default:
	}
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// await waits until a text is printed.
func (p *printed) await(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(p.String(), text) {
		select {
		case <-p.wrote:
		case <-t.Context().Done():
			t.Fatalf("%q is not printed, but %q", text, p)
		}
	}
}

// newLocal returns a host that is closed after the test.
func newLocal(t *testing.T, env ...string) *host.Local {
	t.Helper()
	l := host.NewLocal(env, host.NewTrackingID())
	t.Cleanup(func() { l.Close(context.WithoutCancel(t.Context())) })
	return l
}

// shell is a process that runs a script, and what it prints.
func shell(t *testing.T, script string) (host.Process, *printed) {
	t.Helper()
	out := &printed{wrote: make(chan struct{}, 1)}
	return host.Process{
		Path: "/bin/sh", Args: []string{"-c", script}, Dir: t.TempDir(),
		Env:    map[string]string{"PATH": os.Getenv("PATH")},
		Output: out.take,
		Grace:  host.Grace{Interrupt: time.Minute, Terminate: time.Minute, Output: time.Minute},
	}, out
}

func TestProcessPrintsAndEnds(t *testing.T) {
	for _, test := range []struct {
		name, script, want string
		code               int
	}{
		{"both streams", "echo out; echo err >&2; exit 3", "out\nerr\n", 3},
		{"last line without an end", "printf one", "one", 0},
		{"ended by a signal", "kill -9 $$", "", 128 + 9},
		{"no input", "cat; echo end", "end\n", 0},
		{"environment", "echo $A; echo ${HOME-none}", "a b\nnone\n", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, out := shell(t, test.script)
			p.Env["A"] = "a b"
			code, err := newLocal(t, "HOME=/nowhere").Run(t.Context(), p)
			if code != test.code || err != nil {
				t.Errorf("exit code %d, %v, want %d", code, err, test.code)
			}
			if got := out.String(); len(got) != len(test.want) || test.name != "both streams" && got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

func TestProcessThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	noProgram := filepath.Join(dir, "text")
	if err := os.WriteFile(noProgram, []byte("\x00"), 0o755); err != nil { //nolint:gosec // it is to be executed
		t.Fatal(err)
	}
	for _, test := range []struct{ name, path, dir, want string }{
		{"no directory", "/bin/sh", filepath.Join(dir, "missing"), host.ErrNoDirectory.Error()},
		{"file as directory", "/bin/sh", noProgram, "not a directory"},
		{"no program", filepath.Join(dir, "missing"), dir, "no such file or directory"},
		{"not a program", noProgram, dir, "exec format error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := newLocal(t).Run(t.Context(), host.Process{Path: test.path, Dir: test.dir, Output: func([]byte) {}})
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestProcessIsInterruptedThenTerminatedThenKilled(t *testing.T) { // CAN-3
	p, out := shell(t, "trap 'echo interrupted' INT; trap 'echo terminated' TERM; echo ready; while :; do sleep 0.02; done")
	p.Grace.Interrupt, p.Grace.Terminate = 200*time.Millisecond, 200*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		out.await(t, "ready\n")
		cancel()
	}()
	code, err := newLocal(t).Run(ctx, p)
	if code != 128+9 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	if got, want := out.String(), "ready\ninterrupted\nterminated\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestKillDoesNotWait(t *testing.T) { // CAN-4
	p, out := shell(t, "trap '' INT TERM; sleep 600 & echo ready; wait")
	kill := make(chan struct{})
	p.Kill = kill
	go func() {
		out.await(t, "ready\n")
		close(kill)
	}()
	if code, err := newLocal(t).Run(t.Context(), p); code != 128+9 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
}

func TestOutputThatAChildHoldsOpenIsDropped(t *testing.T) { // RUN-6
	p, out := shell(t, "(until [ -e go ]; do sleep 0.01; done; echo late; touch done) & echo early")
	p.Grace.Output = 50 * time.Millisecond
	l := newLocal(t)
	if code, err := l.Run(t.Context(), p); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v", code, err)
	}
	next, _ := shell(t, "touch go; until [ -e done ]; do sleep 0.01; done")
	next.Dir = p.Dir
	if code, err := l.Run(t.Context(), next); code != 0 || err != nil { // the child could write
		t.Fatalf("exit code %d, %v", code, err)
	}
	if got := out.String(); got != "early\n" {
		t.Errorf("printed %q", got)
	}
}

func TestCloseKillsTheProcessesOfItsJob(t *testing.T) { // RUN-6
	ours, others := newLocal(t), newLocal(t)
	background := func(l *host.Local, env map[string]string) string {
		p, out := shell(t, "setsid sleep 600 >/dev/null 2>&1 & echo $!")
		maps.Copy(p.Env, env)
		if code, err := l.Run(t.Context(), p); code != 0 || err != nil {
			t.Fatalf("exit code %d, %v", code, err)
		}
		return "/proc/" + strings.TrimSpace(out.String())
	}
	kept := background(others, nil)
	gone := background(ours, map[string]string{"RUNNER_TRACKING_ID": "0"}) // a job cannot take its mark off
	left := ours.Close(t.Context())
	if len(left) != 1 || fmt.Sprintf("/proc/%d", left[0].PID) != gone || left[0].Name == "" {
		t.Errorf("left were %v, want %s", left, gone)
	}
	if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) && !zombie(t, gone) {
		t.Error("a process of the job still runs")
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a process of another job: %v", err)
	}
}

// zombie reports whether a process has ended and waits for its parent.
func zombie(t *testing.T, proc string) bool {
	t.Helper()
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestProgramsAreFoundAsInAShell(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/tool": 0o755, "b/tool": 0o755, "b/other": 0o755, "a/other": 0o644} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	path := "a:" + dir + "/missing:" + dir + "/a:" + dir + "/b"
	for _, test := range []struct{ name, program, want string }{
		{"first of two", "tool", dir + "/a/tool"},
		{"the first may not be executed", "other", dir + "/a/other"},
		{"nowhere", "nothing", ""},
		{"directory", "a", ""},
		{"absolute", dir + "/b/tool", dir + "/b/tool"},
		{"relative to the directory", "./b/tool", dir + "/b/tool"},
		{"relative, not to be executed", "a/other", dir + "/a/other"},
		{"empty", "", ""},
		{"with a NUL", "to\x00ol", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, ok := newLocal(t).LookPath(test.program, path, dir)
			if ok != (test.want != "") || ok && file != test.want {
				t.Errorf("got %q, %t, want %q", file, ok, test.want)
			}
		})
	}
}
