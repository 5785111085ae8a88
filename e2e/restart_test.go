package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lease is shorter than the outages here: a server that starts must give the
// runners time to come back.
const lease = 3 * time.Second

func TestJobOfABundledRunnerSurvivesAKilledServer(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1", "--job-lease", lease.String())
	r := s.newRepository("hello")
	h := r.hold("ubuntu-latest")
	before := s.bundled()
	s.kill()
	h.outlast(lease)
	s.start()
	h.finish("bundled-1")
	if now := s.bundled(); len(before) != 1 || !slices.Equal(now, before) {
		t.Errorf("processes of bundled runners: %v, and after a restart %v", before, now)
	}
	s.onlyRunner("/enterprises/understudy", "bundled-1")
}

func TestJobOfAnExternalRunnerSurvivesAKilledServer(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0", "--job-lease", lease.String())
	r := s.newRepository("hello")
	own := r.newRunner("own", "mine")
	h := r.hold("mine")
	s.kill()
	h.outlast(lease)
	s.start()
	h.finish("own")
	if own.ended() {
		t.Errorf("the runner ended: %v", own.cmd.ProcessState)
	}
	s.onlyRunner(r.api, "own")
}

// onlyRunner checks that exactly one runner is registered in a scope, and that
// it is online. That is noted shortly after it has polled.
func (s *server) onlyRunner(scope, name string) {
	s.t.Helper()
	until(s.t, "the runner is not online", func() bool {
		all := s.runners(scope)
		if len(all) != 1 || all[0].Name != name {
			s.t.Fatalf("registered: %+v", all)
		}
		return all[0].Status == "online"
	})
}

// newRunner starts a runner of this repository with a name and a label.
func (r *repository) newRunner(name, label string, args ...string) *runner {
	r.t.Helper()
	return newRunner(r.t, append(args, "--url", r.url+"/"+r.name, "--token", r.registrationToken(r.api), "--name", name, "--labels", label)...)
}

// workflow is a workflow with one job.
func workflow(label, steps string) string {
	return fmt.Sprintf("on: push\njobs:\n  only:\n    runs-on: %s\n    steps: %s\n", label, steps)
}

// quick is a workflow with a job that ends at once.
func quick(label string) string { return workflow(label, "[{run: echo done}]") }

// A heldJob runs behind a gate.
type heldJob struct {
	repo  *repository
	gate  *gate
	label string
	run   *run
}

// hold pushes a workflow with a job that prints lines behind a gate, and
// returns when it does. The job has left a process in the background before.
func (r *repository) hold(label string) *heldJob {
	r.t.Helper()
	g := newGate(r.t)
	background := fmt.Sprintf(`setsid sh -c "while [ -d %s ]; do sleep 1; done" >/dev/null 2>&1 &`, g.dir)
	steps := "[{run: '" + background + "'}, " + strings.TrimPrefix(g.steps(), "[")
	h := &heldJob{r, g, label, r.pushWorkflow(workflow(label, steps))}
	g.pass(20)
	return h
}

// outlast returns when the job has been printing for so long, and more than a
// few lines.
func (h *heldJob) outlast(d time.Duration) {
	h.repo.t.Helper()
	over := time.Now().Add(d)
	until(h.repo.t, "", func() bool { return time.Now().After(over) })
	h.gate.pass(20)
}

// finish lets the job go on for a little and end, and checks that it ended well
// with a whole log, as does the job of the next run.
func (h *heldJob) finish(runner string) {
	h.repo.t.Helper()
	h.gate.pass(20)
	h.gate.open()
	j := h.repo.conclude(h.run, "success")
	h.repo.checkLog(j, h.gate)
	next := h.repo.conclude(h.repo.pushWorkflow(quick(h.label)), "success")
	if j.Runner != runner || next.Runner != runner {
		h.repo.t.Errorf("runners: %s, then %s, want %s", j.Runner, next.Runner, runner)
	}
}
