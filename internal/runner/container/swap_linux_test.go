package container

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/understudy-ci/understudy/internal/runner/container/containertest"
)

// A job that runs in the background swaps a directory and a link, without end. What the engine mounts is what was checked.
func TestADirectoryThatIsSwappedForALinkIsNotShown(t *testing.T) {
	e := containertest.Need(t)
	if !SharesMounts(e.Program, e.Env) {
		t.Skip("what this process mounts is not seen by the engine")
	}
	d, work := testEngine(t)
	d.Program, d.Env, d.Runner, d.Job, d.Pin = e.Program, e.Env, RunnerLabel(work), "github_swapped", true
	d.host = New(d.Config).host
	secret := t.TempDir()
	for dir, text := range map[string]string{secret: "theirs", filepath.Join(work, "r/x"): "mine"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, filepath.Join(work, "r/y")); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := unix.Renameat2(unix.AT_FDCWD, filepath.Join(work, "r/x"), unix.AT_FDCWD, filepath.Join(work, "r/y"), unix.RENAME_EXCHANGE); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	stop := sync.OnceFunc(func() { close(done); wg.Wait() })
	defer stop()
	shown := 0
	for i := range 200 {
		if shown == 5 {
			break
		}
		var out strings.Builder
		_, err := d.Do(t.Context(), Command{Do: Run, Spec: Spec{
			Role: Service, Name: fmt.Sprintf("understudy_swapped_%d_%d", os.Getpid(), i), Image: containertest.Image, Volumes: []string{"/w/r/x:/x"},
			Entrypoint: "/bin/cat", Args: []string{"/x/file"},
		}}, Stream{Output: func(b []byte) { out.Write(b) }})
		switch {
		case err != nil: // it was a link just then
		case strings.Contains(out.String(), "theirs"):
			t.Fatalf("the container has seen a directory of others: %s", out.String())
		case strings.Contains(out.String(), "mine"):
			shown++
		}
	}
	stop()
	if shown == 0 {
		t.Error("it was never shown")
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(d.Scratch); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), d.Scratch) {
		t.Errorf("something is still mounted, %v", err)
	}
}

func TestWhatAJobHasShownIsNotRemovedWithAKilledRunner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root mounts")
	}
	d, work := testEngine(t)
	d.Pin = true
	if _, err := d.real("/w/r/r"); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	kept := filepath.Join(work, "r/r/kept")
	if err := os.WriteFile(kept, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Empty(d.Scratch); err != nil { // as the next runner does
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(d.Scratch); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
