package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// organization makes an organization with a repository.
func (s *server) organization(login string) *repository {
	s.t.Helper()
	s.do(http.MethodPost, "/admin/organizations", map[string]any{"login": login, "admin": "admin"}, nil)
	s.do(http.MethodPost, "/orgs/"+login+"/repos", map[string]any{"name": "hello", "private": true}, nil)
	return s.workingTree(login + "/hello")
}

// newRunnerOf starts a runner of an organization, and returns when it is online.
func (s *server) newRunnerOf(org, name string) *runner {
	s.t.Helper()
	r := newRunner(s.t, "--url", s.url+"/"+org, "--token", s.registrationToken("/orgs/"+org), "--name", name, "--labels", "mine")
	s.online(org, name)
	return r
}

// online waits until exactly one runner of an organization is registered, and online.
func (s *server) online(org, name string) registered {
	s.t.Helper()
	var one registered
	until(s.t, fmt.Sprintf("the runner of %s is not online", org), func() bool {
		all := s.runners("/orgs/" + org)
		if len(all) > 1 || len(all) == 1 && all[0].Name != name {
			s.t.Fatalf("registered in %s: %+v", org, all)
		}
		if len(all) == 1 {
			one = all[0]
		}
		return one.Status == "online"
	})
	return one
}

// replaceData puts another data directory in the place of the server's, which does not
// run, and keeps that as aside.
func (s *server) replaceData(aside, with string) {
	s.t.Helper()
	for _, move := range [][2]string{{s.data, aside}, {with, s.data}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			s.t.Fatal(err)
		}
	}
}

// backUp copies the data directory of a server that does not run.
func (s *server) backUp() string {
	s.t.Helper()
	older := filepath.Join(s.t.TempDir(), "older")
	if err := os.CopyFS(older, os.DirFS(s.data)); err != nil {
		s.t.Fatal(err)
	}
	secrets, err := filepath.Glob(filepath.Join(older, "*")) // CopyFS gives files the usual permissions
	if err != nil {
		s.t.Fatal(err)
	}
	for _, path := range append(secrets, older) {
		if info, err := os.Stat(strings.Replace(path, older, s.data, 1)); err != nil || os.Chmod(path, info.Mode()) != nil {
			s.t.Fatal(path, err)
		}
	}
	return older
}

// The older data knows a job that has ended meanwhile, and not the one that runs.
func TestAfterOlderDataIsPutBackJobsEndAndRunnersGoOn(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--runners", "0", "--job-lease", lease.String())
	s.start()
	red := s.organization("red")
	s.newRunnerOf("red", "old")
	known := red.hold("mine")
	s.kill() // as a copy of a running server is
	older, newer := s.backUp(), filepath.Join(t.TempDir(), "newer")
	s.start()
	known.finish("old")
	unknown := red.hold("mine")

	s.kill()
	s.replaceData(newer, older)
	s.start()
	red.conclude(known.run, "failure") // its runner has no job of that id any more
	unknown.gate.open()
	s.online("red", "old")
	again := red.pushWorkflow(quick("mine")) // it has the number of the run that the data does not know
	if j := red.conclude(again, "success"); j.Runner != "old" {
		t.Errorf("the next job ran on %s", j.Runner)
	}
}

// Numbers are given out again after older data is put back. The runner that had one was
// shown online as the next that got it, was offered the jobs of another organization,
// and kept the right runner out.
func TestAfterOlderDataIsPutBackNoRunnerIsTakenForAnother(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0")
	red, blue := s.organization("red"), s.organization("blue")
	s.stop(t)
	older, newer := s.backUp(), filepath.Join(t.TempDir(), "newer")
	s.start()
	old := s.newRunnerOf("red", "old")
	number := s.online("red", "old").ID

	s.kill()
	s.replaceData(newer, older)
	s.start()
	right := s.newRunnerOf("blue", "right")
	if id := s.online("blue", "right").ID; id != number {
		t.Fatalf("the numbers are %d and %d: nothing is given out twice here", number, id)
	}
	until(t, "the log does not name the runner that the data does not know", func() bool {
		return bytes.Contains(read(t, s.logFile), fmt.Appendf(nil, "runner=%d client=", number))
	})
	if all := s.runners("/orgs/red"); len(all) != 0 {
		t.Errorf("registered in red: %+v", all)
	}
	waits := red.pushWorkflow(quick("mine"))
	for range 3 {
		if j := blue.conclude(blue.pushWorkflow(quick("mine")), "success"); j.Runner != "right" {
			t.Errorf("the job of blue ran on %s", j.Runner)
		}
	}
	if j := red.job(waits); j.Status != "queued" {
		t.Errorf("the job of red, which has no runner now, is %s on %s", j.Status, j.Runner)
	}
	for _, r := range []*runner{old, right} {
		if _, err := os.Stat(filepath.Join(r.work, ".runner")); err != nil || r.ended() {
			t.Errorf("a runner has ended (%t), or deleted its configuration: %v", r.ended(), err)
		}
	}

	s.kill()
	right.stop(t)
	s.replaceData(older, newer)
	s.start()
	s.online("red", "old") // by itself: its data is back
}
