package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestJobOfAKilledRunnerFailsAndTheNextRunsElsewhere(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0", "--job-lease", lease.String())
	r := s.newRepository("hello")
	first := r.newRunner("first", "mine")
	h := r.hold("mine")
	if len(workers(t, first.work)) == 0 {
		t.Error("no process of the job was found")
	}
	first.kill()
	h.lost("first")
	r.newRunner("second", "mine")
	if j := r.conclude(r.pushWorkflow(quick("mine")), "success"); j.Runner != "second" {
		t.Errorf("the next job ran on %s", j.Runner)
	}
}

func TestRestartOfAKilledRunnerEndsWhatItLeft(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0", "--job-lease", lease.String())
	r := s.newRepository("hello")
	only := r.newRunner("only", "mine")
	h := r.hold("mine")
	only.kill()
	if len(workers(t, only.work)) == 0 && isolated() == "" { // a sandbox ends with its runner
		t.Error("the job has left no process to end")
	}
	only.restart(t)
	h.lost("only")
	if j := r.conclude(r.pushWorkflow(quick("mine")), "success"); j.Runner != "only" {
		t.Errorf("the next job ran on %s", j.Runner)
	}
	if left := workers(t, only.work); len(left) > 0 {
		t.Errorf("processes of the killed job: %v", left)
	}
}

// workers lists the processes of jobs below the directory of a runner, and those of
// the job that it has now, which may see other directories.
func workers(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	id, _ := os.ReadFile(filepath.Join(root, ".job")) // not there without a job
	mark := "RUNNER_TRACKING_ID=" + strings.TrimSpace(string(id)) + "\x00"
	for _, link := range links {
		dir, err := os.Readlink(link)
		env, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "environ")) // an error is that it has ended
		if err == nil && strings.HasPrefix(dir, filepath.Join(root, "_")) || len(id) > 0 && strings.Contains(string(env)+"\x00", mark) {
			found = append(found, link+" is "+dir)
		}
	}
	return found
}

func TestKilledBundledRunnerIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1", "--job-lease", lease.String())
	r := s.newRepository("hello")
	h := r.hold("ubuntu-latest")
	before := s.bundled()
	if len(before) != 1 {
		t.Fatalf("processes of bundled runners: %v", before)
	}
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.lost("bundled-1")
	if j := r.conclude(r.pushWorkflow(quick("ubuntu-latest")), "success"); j.Runner != "bundled-1" {
		t.Errorf("the next job ran on %s", j.Runner)
	}
	if left := workers(t, filepath.Join(s.data+"-runners", "1")); len(left) > 0 {
		t.Errorf("processes of the killed job: %v", left)
	}
	if now := s.bundled(); len(now) != 1 || now[0] == before[0] {
		t.Errorf("processes of bundled runners: %v, after the kill %v", before, now)
	}
	s.onlyRunner("/enterprises/understudy", "bundled-1")
}

// lost checks that the job fails within its lease because its runner was
// killed just now, and that it says so.
func (h *heldJob) lost(runner string) {
	h.repo.t.Helper()
	const slack = 10 * time.Second // for a slow machine; silence is noticed soon after the lease
	killed := time.Now()
	j := h.repo.conclude(h.run, "failure")
	if d := time.Since(killed); d > lease+slack {
		h.repo.t.Errorf("the job failed %v after its runner was killed, with a lease of %v", d, lease)
	}
	messages := h.repo.annotations(j)
	if !slices.ContainsFunc(messages, func(m string) bool { return strings.Contains(m, runner+" lost communication with the server") }) {
		h.repo.t.Errorf("annotations: %q", messages)
	}
}

func TestRunnersTakeJobsByLabel(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1")
	r := s.newRepository("hello")
	r.newRunner("left", "on-the-left")
	r.newRunner("right", "on-the-right")
	for _, c := range []struct{ label, runner string }{
		{"on-the-right", "right"}, {"on-the-left", "left"}, {"[self-hosted, on-the-right]", "right"}, {"ubuntu-latest", "bundled-1"},
	} {
		if j := r.conclude(r.pushWorkflow(quick(c.label)), "success"); j.Runner != c.runner {
			t.Errorf("the job for %s ran on %s, want %s", c.label, j.Runner, c.runner)
		}
	}
}

func TestEphemeralRunnerTakesOneJobAndIsGone(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0")
	r := s.newRepository("hello")
	once := r.newRunner("once", "mine", "--ephemeral")
	first := r.pushWorkflow(quick("mine"))
	second := r.pushWorkflow(quick("mine")) // is there while the runner ends
	r.conclude(first, "success")
	if code := once.wait(t); code != 0 {
		t.Errorf("the runner ended with %d", code)
	}
	if all := s.runners(r.api); len(all) != 0 {
		t.Errorf("registered: %+v", all)
	}
	if j := r.job(second); j.Status != "queued" {
		t.Errorf("the second job is %s", j.Status)
	}
	if code, out := execute(t, environment(t), "runner", "--work", once.work); code != 1 || !strings.Contains(out, "no runner is configured") {
		t.Errorf("a start without a registration: exit %d\n%s", code, out)
	}
}

func TestRunnerWithAWrongTokenIsRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0")
	r, other := s.newRepository("hello"), s.newRepository("other")
	var remove struct{ Token string }
	s.do("POST", r.api+"/actions/runners/remove-token", nil, &remove)
	const refused = "does not take this registration token"
	for _, c := range []struct{ name, scope, token, want string }{
		{"no token of this server", r.name, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAA", refused},
		{"token of a person", r.name, s.token, refused},
		{"token for removal", r.name, remove.Token, refused},
		{"token of another repository", r.name, s.registrationToken(other.api), refused},
		{"token of a repository for the site", "enterprises/understudy", s.registrationToken(r.api), refused},
		{"repository that is not there", "admin/nothing", s.registrationToken(r.api), refused},
		{"URL without a scope", "", s.registrationToken(r.api), "names no repository"},
		{"no token", r.name, "", "give --url and --token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out := execute(t, environment(t), "runner", "--work", t.TempDir(), "--url", s.url+"/"+c.scope, "--token", c.token)
			if code != 1 || !strings.Contains(out, c.want) {
				t.Errorf("exit %d, want 1 and %q:\n%s", code, c.want, out)
			}
		})
	}
	for _, scope := range []string{r.api, other.api, "/enterprises/understudy"} {
		if all := s.runners(scope); len(all) != 0 {
			t.Errorf("registered: %+v", all)
		}
	}
}
