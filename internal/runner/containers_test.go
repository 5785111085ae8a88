package runner

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/container/containertest"
	"github.com/understudy-ci/understudy/internal/runner/host"
)

func TestContainersOfAKilledRunnerAreRemoved(t *testing.T) {
	e := containertest.Need(t)
	r := &Runner{cfg: Config{Root: t.TempDir(), Env: e.Env, ContainerEngine: e.Program, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}}
	r.removals.log = r.cfg.Log
	scratch := filepath.Join(r.cfg.Root, containersFolder)
	if err := r.removeContainers(t.Context()); err != nil { // there was none
		t.Fatal(err)
	}
	c, err := r.containerConfig(&directories{work: r.cfg.Root, temp: r.cfg.Root, tool: r.cfg.Root}, host.NewTrackingID())
	if err != nil {
		t.Fatal(err)
	}
	d := container.New(c)
	do := func(c container.Command) string {
		t.Helper()
		var out strings.Builder
		code, err := d.Do(t.Context(), c, container.Stream{Output: func(b []byte) { out.Write(b) }})
		if code != 0 || err != nil {
			t.Fatalf("%s: %d, %v: %s", c.Do, code, err, out.String())
		}
		return strings.TrimSpace(out.String())
	}
	do(container.Command{Do: container.MakeNetwork, ID: "understudy_test_killed"})
	said := do(container.Command{Do: container.Create, Spec: container.Spec{
		Role: container.Service, Name: "understudy_test_killed", Image: containertest.Image, Network: "understudy_test_killed", Volumes: []string{"data:/data"},
		Entrypoint: "/bin/sleep", Args: []string{"1000"},
	}})
	do(container.Command{Do: container.Start, ID: said[strings.LastIndex(said, "\n")+1:]}) // it may be warned of something before
	// The runner is killed here. The next one finds what it noted.
	if err := r.removeContainers(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range [][]string{{"ps", "--all", "--quiet"}, {"network", "ls", "--quiet"}, {"volume", "ls", "--quiet"}} {
		if left := e.Output(t, append(kind, "--filter", "label=understudy.runner="+c.Runner)...); left != "" {
			t.Errorf("%v: %s", kind, left)
		}
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestARunnerWhoseEngineIsGoneTakesJobs(t *testing.T) {
	r := &Runner{cfg: Config{Root: t.TempDir(), Env: []string{"PATH=/bin"}, ContainerEngine: "/bin/false", Log: slog.New(slog.NewTextHandler(t.Output(), nil))}}
	r.removals.log = r.cfg.Log
	scratch := filepath.Join(r.cfg.Root, containersFolder)
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(scratch, "containers"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.removeContainers(t.Context()); err != nil {
		t.Error(err)
	}
	if !container.Used(scratch) {
		t.Error("it has forgotten that there may be something")
	}
}
