package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// TestMain is also the first process of a PID namespace.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "first" {
		os.Exit(m.Run())
	}
	if err := first(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func TestTheFirstProcessOfANamespaceKeepsItInOrder(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make the namespace")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "first")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// first starts processes and checks what becomes of them.
func first() error {
	if err := errors.Join(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount("proc", "/proc", "proc", 0, "")); err != nil {
		return err
	}
	l := host.NewFirst(nil, host.NewTrackingID())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go l.Reap(ctx)
	run := func(script string, want int) error {
		code, err := l.Run(ctx, host.Process{Path: "/bin/sh", Args: []string{"-c", script}, Dir: "/", Env: map[string]string{"PATH": os.Getenv("PATH")}, Output: func([]byte) {}})
		if err == nil && code != want {
			err = fmt.Errorf("%s: exit code %d, want %d", script, code, want)
		}
		return err
	}
	// Children that lost their parents end while others begin and end.
	for range 20 {
		if err := run("for i in 1 2 3 4 5; do (sh -c 'sleep 0.01; exit 3' &); done; exit 7", 7); err != nil {
			return err
		}
	}
	for len(numbers()) > 1 {
		if time.Sleep(time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("nobody has waited for processes: %v", numbers())
		}
	}
	if err := run("env -i setsid sleep 601 >/dev/null 2>&1 &", 0); err != nil {
		return err
	}
	left := l.Close(ctx)
	if len(left) != 1 {
		return fmt.Errorf("left were %v, want one, without an environment", left)
	}
	for len(numbers()) > 1 {
		if time.Sleep(time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("processes after the end: %v", numbers())
		}
	}
	return nil
}

// numbers are those of the processes that there are, ended or not.
func numbers() []string {
	names, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	return names
}
