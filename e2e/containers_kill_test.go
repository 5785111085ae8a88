package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/container/containertest"
)

// heldContainers is a job in a container, with a service that ignores signals. It prints lines behind a gate, which is
// its workspace.
const heldContainers = `on: push
jobs:
  only:
    runs-on: ubuntu-latest
    container: {image: "IMAGE", volumes: ['data:/data', /anonymous]}
    services:
      stubborn: {image: "IMAGE", entrypoint: /bin/sh, command: '-c "trap : TERM INT; while :; do sleep 1; done"', volumes: ['data:/db', /more]}
    steps: [{run: 'i=0; while [ ! -e open ]; do i=$((i+1)); echo line $i; echo $i >line; sleep 0.01; done'}]
`

// containersOf starts a server with one bundled runner whose jobs have containers by an engine.
func containersOf(t *testing.T, e containertest.Engine, args ...string) *server {
	t.Helper()
	s := newServer(t, append(args, "--runners", "1", "--container-engine", e.Program)...)
	for _, entry := range e.Env {
		if strings.HasPrefix(entry, "DOCKER_") || strings.HasPrefix(entry, "CONTAINERS_") {
			s.args = append(s.args, "--runner-env", entry)
		}
	}
	return s
}

// containersLeft are those that the engine has, with all else of jobs.
func containersLeft(t *testing.T, e containertest.Engine) []string {
	t.Helper()
	var left []string
	for _, kind := range []string{"ps --all", "network ls --filter name=github_", "volume ls", "images --filter label=understudy.runner"} {
		for line := range strings.Lines(e.Output(t, append(strings.Fields(kind), "--quiet")...)) {
			left = append(left, kind+" "+strings.TrimSpace(line))
		}
	}
	return left
}

// A heldBox is a job behind a gate whose containers an engine of its own runs.
type heldBox struct {
	*repository
	engine *containertest.Own
	gate   *gate
	run    *run
}

func (h *heldBox) killRunner() {
	h.t.Helper()
	if err := syscall.Kill(h.bundled()[0], syscall.SIGKILL); err != nil {
		h.t.Fatal(err)
	}
}

func (h *heldBox) lost() {
	h.t.Helper()
	messages := h.annotations(h.conclude(h.run, "failure"))
	if !slices.ContainsFunc(messages, func(m string) bool { return strings.Contains(m, "bundled-1 lost communication with the server") }) {
		h.t.Errorf("annotations: %q", messages)
	}
}

func TestNothingOfAContainerJobIsLeftWhenSomethingIsKilled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		isolation string
		act       func(h *heldBox)
	}{
		"runner": {"user", func(h *heldBox) {
			h.killRunner()
			h.lost()
		}},
		"server": {"none", func(h *heldBox) {
			h.kill()
			h.gate.pass(20)
			h.start()
			h.gate.open()
			h.conclude(h.run, "success")
		}},
		"engine": {"user", func(h *heldBox) {
			h.engine.Kill(h.t)
			h.conclude(h.run, "failure")
			h.engine.Restart(h.t)
		}},
		"engine with all that runs its containers": {"none", func(h *heldBox) {
			h.engine.KillAll(h.t)
			h.conclude(h.run, "failure")
			h.engine.Restart(h.t)
		}},
		"runner and engine": {"none", func(h *heldBox) {
			h.killRunner() // which could tell of the engine else
			h.engine.KillAll(h.t)
			h.lost()
			h.engine.Restart(h.t)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.isolation == "user" {
				needSandbox(t)
			}
			e := containertest.StartOwn(t)
			s := containersOf(t, e.Engine, "--job-lease", lease.String())
			s.isolate(test.isolation)
			s.start()
			r := s.newRepository("hello")
			h := &heldBox{r, e, &gate{t, s.data + "-runners/1/_work/hello/hello"}, r.pushWorkflow(strings.ReplaceAll(heldContainers, "IMAGE", containertest.Image))}
			h.gate.pass(20)
			if left := containersLeft(t, e.Engine); len(left) != 6 { // two containers, a network, three volumes
				t.Errorf("the job has %q", left)
			}
			test.act(h)
			until(t, "something is left", func() bool { return len(containersLeft(t, e.Engine)) == 0 })
			next := "on: push\njobs:\n  only:\n    runs-on: ubuntu-latest\n    container: '" + containertest.Image + "'\n    steps: [{run: echo done}]\n"
			r.conclude(r.pushWorkflow(next), "success")
			if left := containersLeft(t, e.Engine); len(left) > 0 {
				t.Errorf("of the next job: %q", left)
			}
		})
	}
}

func TestAJobThatWaitsForAServiceWithoutEndIsCancelled(t *testing.T) {
	t.Parallel()
	e := containertest.StartOwn(t)
	s := containersOf(t, e.Engine)
	s.start()
	r := s.newRepository("hello")
	run := r.pushWorkflow(strings.ReplaceAll(`on: push
jobs:
  only:
    runs-on: ubuntu-latest
    services:
      never: {image: "IMAGE", entrypoint: /bin/sh, command: '-c "trap : TERM INT; while :; do sleep 1; done"', options: --health-cmd false --health-interval 24h}
    steps: [{run: echo never}]
`, "IMAGE", containertest.Image))
	until(t, "the service runs", func() bool { return e.Output(t, "ps", "--quiet") != "" })
	s.do(http.MethodPost, fmt.Sprintf("%s/actions/runs/%d/cancel", r.api, run.ID), nil, nil)
	r.conclude(run, "cancelled")
	if left := containersLeft(t, e.Engine); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
