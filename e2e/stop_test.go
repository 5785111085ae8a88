package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOrderlyStopLetsAJobFinish(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1", "--drain", "5m")
	r := s.newRepository("hello")
	h := r.hold("ubuntu-latest")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, "the server does not stop", func() bool { return strings.Contains(string(read(t, s.logFile)), "msg=stopping") })
	h.gate.pass(20)
	h.gate.open()
	s.stopped(time.Now().Add(2 * time.Minute))
	s.start()
	r.checkLog(r.conclude(h.run, "success"), h.gate)
}

func TestOrderlyStopFailsAJobThatTakesTooLong(t *testing.T) {
	t.Parallel()
	const drain = 4 * time.Second
	s := startServer(t, "--runners", "1", "--drain", drain.String())
	r := s.newRepository("hello")
	h := r.hold("ubuntu-latest")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.stopped(time.Now().Add(time.Minute)) // the job itself would never end
	s.start()
	messages := r.annotations(r.conclude(h.run, "failure"))
	if !slices.ContainsFunc(messages, func(m string) bool { return strings.HasPrefix(m, "The runner has received a shutdown signal.") }) {
		t.Errorf("annotations: %q", messages)
	}
	r.conclude(r.pushWorkflow(quick("ubuntu-latest")), "success")
}

// stopped waits for the end of a server that was told to stop, and checks that
// it was in order and in time and that no runner is left.
func (s *server) stopped(deadline time.Time) {
	s.t.Helper()
	if code := s.wait(s.t); code != 0 {
		s.t.Errorf("the server ended with %d", code)
	}
	if late := time.Since(deadline); late > 0 {
		s.t.Errorf("the server ended %v too late", late)
	}
	if left := s.bundled(); len(left) != 0 {
		s.t.Errorf("processes of bundled runners: %v", left)
	}
}

func TestSecondServerOnADataDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0")
	code, out := execute(t, environment(t), "serve", "--data", s.data, "--listen", "127.0.0.1:0", "--runners", "0")
	want := fmt.Sprintf("%s is in use by another understudy server (process %d)", s.data, s.cmd.Process.Pid)
	if code != 1 || !strings.Contains(out, want) {
		t.Errorf("exit %d, want 1 and %q:\n%s", code, want, out)
	}
	s.newRepository("hello") // the first goes on
}

func TestJobSeesNothingOfTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.env = append(s.env, "UNDERSTUDY_RUNNERS=1", "UNDERSTUDY_JOB_LEASE=1m", "OPERATORS_SECRET=hunter2")
	s.start()
	r := s.newRepository("hello")
	env := r.log(r.conclude(r.pushWorkflow(workflow("ubuntu-latest", "[{run: env | sort | sed s/^/env=/}]")), "success"))
	seen := 0
	for _, line := range env {
		if !strings.HasPrefix(line, "env=") {
			continue
		}
		seen++
		for _, bad := range []string{"UNDERSTUDY", "OPERATORS_SECRET", "hunter2", s.token, "ghp_"} {
			if strings.Contains(line, bad) {
				t.Errorf("the environment of a job has %s", line)
			}
		}
	}
	if seen < 10 {
		t.Errorf("the log shows %d variables:\n%s", seen, strings.Join(env, "\n"))
	}
	for path, want := range map[string]os.FileMode{
		s.data: 0o700, s.data + "/admin-token": 0o600, s.data + "-runners/1": 0o700, s.data + "-runners/1/runner.log": 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != want {
			t.Errorf("%s: %v, want %v", path, info.Mode(), want)
		}
	}
	if text := string(read(t, s.outFile)) + string(read(t, s.logFile)); strings.Contains(text, s.token) {
		t.Error("the server has printed the token of the site admin")
	}
}
