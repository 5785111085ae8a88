package runner

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

func TestLeftoversOfAKilledRunnerAreRemoved(t *testing.T) {
	s := newServer(t)
	root := configure(t, s, nil)
	for _, name := range []string{"_work/hello/hello/x", "_spool/piece-1", "_trash/1/x/y"} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, toolFolder, "go"), 0o700); err != nil {
		t.Fatal(err)
	}
	listen(t, root, func(_ context.Context, j *worker.Job) *worker.Result {
		if _, err := os.Stat(filepath.Join(j.WorkDir, "hello")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("of another job: %v", err)
		}
		if _, err := os.Stat(filepath.Join(j.ToolDir, "go")); err != nil {
			t.Errorf("tools: %v", err)
		}
		return &worker.Result{Conclusion: wire.Succeeded}
	}, nil)
	s.offer("request-1")
	s.result()
}

func TestProcessesOfAKilledRunnerEndBeforeTheNextJob(t *testing.T) {
	s := newServer(t)
	root := configure(t, s, nil)
	id := host.NewTrackingID()
	left := spawn(t, "env -i sleep 600 & sleep 600 & wait", id)
	other := spawn(t, "sleep 600", host.NewTrackingID())
	writeJobFile(t, root, id+"\n")
	listen(t, root, func(context.Context, *worker.Job) *worker.Result {
		if !left.ended(10 * time.Second) {
			t.Error("a process of the killed runner still runs")
		}
		if other.ended(10 * time.Millisecond) {
			t.Error("a process of another runner was killed")
		}
		b, err := os.ReadFile(filepath.Join(root, jobFile))
		if err != nil || string(b) == id+"\n" {
			t.Errorf("tracking id of the next job: %q, %v", b, err)
		}
		return &worker.Result{Conclusion: wire.Succeeded}
	}, nil)
	s.offer("request-1")
	s.result()
	if _, err := os.Stat(filepath.Join(root, jobFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the tracking id outlives its job: %v", err)
	}
}

func TestUnreadableTrackingIDKillsNothing(t *testing.T) {
	for _, text := range []string{"", "github_", "x\n"} {
		s := newServer(t)
		root := configure(t, s, nil)
		untracked := spawn(t, "sleep 600", text)
		writeJobFile(t, root, text)
		listen(t, root, succeed, nil)
		s.offer("request-1")
		s.result()
		if untracked.ended(10 * time.Millisecond) {
			t.Errorf("%q: a process was killed", text)
		}
	}
}

func writeJobFile(t *testing.T, root, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, jobFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A family is a shell with its children. All of them hold the output open.
type family struct{ output *os.File }

// spawn starts a script in a process group of its own, and ends it after the
// test.
func spawn(t *testing.T, script, trackingID string) *family {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()                                          // the children have it
	cmd := exec.Command("sh", "-c", "echo started; "+script) //nolint:noctx // its end is what the test is about
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "RUNNER_TRACKING_ID=" + trackingID}
	cmd.Stdout = w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		_ = cmd.Wait()
		_ = r.Close() // only read
	})
	if _, err := io.ReadFull(r, make([]byte, len("started\n"))); err != nil {
		t.Fatal(err)
	}
	return &family{r}
}

// ended reports whether all of the family ends within some time.
func (f *family) ended(within time.Duration) bool {
	_ = f.output.SetReadDeadline(time.Now().Add(within)) // an error is the reader's, too
	_, err := f.output.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}
