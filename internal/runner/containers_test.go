package runner

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
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
	if err := r.clearContainers(t.Context()); err != nil { // there was none
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
	if err := r.clearContainers(t.Context()); err != nil {
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

func TestARunnerWhoseEngineIsGoneTakesJobsAndAsksAgain(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "engine")
	r := &Runner{cfg: Config{Root: t.TempDir(), Env: []string{"PATH=/bin"}, ContainerEngine: program, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}}
	r.removals.log = r.cfg.Log
	scratch := filepath.Join(r.cfg.Root, containersFolder)
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"containers-github_1", "env-1"} {
		if err := os.WriteFile(filepath.Join(scratch, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.clearContainers(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := container.Left(scratch); !slices.Equal(left, []string{"github_1"}) {
		t.Errorf("it knows of %q", left)
	}
	if _, err := os.Stat(filepath.Join(scratch, "env-1")); err == nil {
		t.Error("variables of the job are left")
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\" >>"+dir+"/asked\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.removals.wait() // it has asked the engine once that was there
	if left := container.Left(scratch); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if asked, err := os.ReadFile(filepath.Join(dir, "asked")); !strings.Contains(string(asked), "ps --all --quiet --no-trunc --filter label=understudy.job=github_1\n") {
		t.Errorf("asked: %s, %v", asked, err)
	}
}
