package link

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/runner/archive"
	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A fake is a runner that keeps what it is told.
type fake struct {
	mu      sync.Mutex
	steps   []wire.StepUpdate
	logs    map[string]string
	ended   []string
	summary string
	saves   int
	archive []byte
}

func (f *fake) Step(u wire.StepUpdate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps = append(f.steps, u)
}

func (f *fake) Log(id string, text []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logs[id] += string(text)
}

func (f *fake) EndLog(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = append(f.ended, id)
}

func (f *fake) Summary(_ string, size int64, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != size {
		return errors.Join(err, errors.New("another size"))
	}
	if len(b) > 10 {
		return errors.New("step summary is larger than 10 bytes")
	}
	f.summary = string(b)
	return nil
}

func (f *fake) Resolve(_ context.Context, refs []wire.ActionRef) (map[string]wire.ActionInfo, error) {
	if refs[0].Action == "octo/none" {
		return nil, errors.New("Unable to resolve action octo/none\nrepository not found")
	}
	return map[string]wire.ActionInfo{refs[0].Key(): {Name: refs[0].Action, TarURL: "http://x"}}, nil
}

func (f *fake) Save(_ context.Context, info wire.ActionInfo, to *os.File) error {
	f.saves++
	if info.Name == "octo/gone" {
		return errors.New("download of octo/gone@v1: status 404")
	}
	_, err := to.Write(f.archive)
	return err
}

// A session is a worker's end, and what it needs to end.
type session struct {
	*client
	fake    *fake
	signals chan worker.Signal
	kill    context.CancelFunc
	ended   chan struct{}
	result  func() (*worker.Result, error) // waits
}

func connect(t *testing.T) *session {
	t.Helper()
	return connectWith(t, nil)
}

// connectWith is connect with an engine.
func connectWith(t *testing.T, engine container.Engine) *session {
	t.Helper()
	outer, inner, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	door, err := packet(inner)
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s := &session{
		client: newClient(door, log), fake: &fake{logs: map[string]string{}},
		signals: make(chan worker.Signal, 4), kill: kill, ended: make(chan struct{}),
	}
	type end struct {
		result *worker.Result
		err    error
	}
	done := make(chan end, 1)
	go func() {
		r, err := Serve(ctx, outer, Config{
			Task: Task{WorkDir: "/w", Runner: worker.RunnerInfo{Name: "box"}, Env: []string{"A=1"}, Message: &wire.JobMessage{JobID: "7"}},
			Sink: s.fake, Actions: s.fake, Engine: engine, Signals: s.signals, Spool: t.TempDir(), Log: log,
		}, s.ended)
		done <- end{r, err}
	}()
	s.result = func() (*worker.Result, error) {
		e := <-done
		return e.result, e.err
	}
	t.Cleanup(func() {
		kill()
		_ = door.Close() // at the end of the test
	})
	return s
}

func TestTheRunnerGetsWhatTheWorkerShows(t *testing.T) {
	s := connect(t)
	var task Task
	if err := s.call(t.Context(), http.MethodGet, taskPath, nil, &task); err != nil || task.Message.JobID != "7" || task.WorkDir != "/w" || task.Runner.Name != "box" || task.Env[0] != "A=1" {
		t.Errorf("task %+v, %v", task, err)
	}
	s.Step(wire.StepUpdate{Name: "build"})
	large := bytes.Repeat([]byte("line\n"), 1<<20)
	var wg sync.WaitGroup
	for _, id := range []string{"a", "b", "c"} {
		wg.Go(func() {
			s.Log(id, []byte("first "+id+"\n"))
			s.Log(id, large)
			s.Log(id, nil)
			s.Log(id, []byte("last\n"))
			s.EndLog(id)
		})
	}
	wg.Wait()
	for _, id := range []string{"a", "b", "c"} {
		if got, want := s.fake.logs[id], "first "+id+"\n"+string(large)+"last\n"; got != want {
			t.Errorf("log %s has %d bytes, want %d", id, len(got), len(want))
		}
	}
	if slices.Sort(s.fake.ended); !slices.Equal(s.fake.ended, []string{"a", "b", "c"}) || len(s.fake.steps) != 1 || s.fake.steps[0].Name != "build" {
		t.Errorf("ended %v, steps %+v", s.fake.ended, s.fake.steps)
	}
	if err := errors.Join(s.Summary("a", 2, strings.NewReader("hi")), s.Summary("a", 0, nil)); err != nil || s.fake.summary != "hi" {
		t.Errorf("summary %q, %v", s.fake.summary, err)
	}
	if err := s.Summary("a", 11, strings.NewReader("hello hello")); err == nil || err.Error() != "step summary is larger than 10 bytes" {
		t.Errorf("a summary that is refused: %v", err)
	}
	want := &worker.Result{
		Conclusion: wire.Failed, Outputs: map[string]wire.Variable{"x": {Value: "1"}}, Steps: []wire.StepResult{{Name: "build"}},
		Annotations: []wire.Annotation{{Level: wire.LevelFailure, Message: "m"}}, EnvironmentURL: "http://e", Infrastructure: "resolve_action",
	}
	if err := s.call(t.Context(), http.MethodPost, resultPath, want, nil); err != nil {
		t.Fatal(err)
	}
	got, err := s.result()
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("result: %v %s", err, d)
	}
}

func TestTheWorkerGetsActions(t *testing.T) {
	s := connect(t)
	infos, err := s.Resolve(t.Context(), []wire.ActionRef{{Action: "octo/hello", Version: "v1"}})
	if err != nil || infos["octo/hello@v1"].TarURL != "http://x" {
		t.Errorf("got %v, %v", infos, err)
	}
	if _, err := s.Resolve(t.Context(), []wire.ActionRef{{Action: "octo/none", Version: "v1"}}); err == nil || err.Error() != "Unable to resolve action octo/none\nrepository not found" {
		t.Errorf("got %v", err)
	}
	dir := t.TempDir() + "/action"
	s.fake.archive = []byte("no archive")
	if err := s.Fetch(t.Context(), wire.ActionInfo{Name: "octo/hello", Version: "v1"}, dir); !errors.Is(err, archive.ErrBad) || !strings.Contains(err.Error(), "octo/hello@v1") {
		t.Errorf("got %v", err)
	}
	if err := s.Fetch(t.Context(), wire.ActionInfo{Name: "octo/gone", Version: "v1"}, dir); err == nil || err.Error() != "download of octo/gone@v1: status 404" {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}

func TestSignalsReachTheWorker(t *testing.T) {
	s := connect(t)
	got, killed := make(chan worker.Signal, 4), make(chan struct{})
	go s.listen(t.Context(), got, sync.OnceFunc(func() { close(killed) }))
	s.signals <- worker.Cancel
	s.signals <- worker.Shutdown
	if a, b := <-got, <-got; a != worker.Cancel || b != worker.Shutdown {
		t.Errorf("got %v, %v", a, b)
	}
	s.kill()
	<-killed
}

func TestAWorkerThatHasEndedHasNoResult(t *testing.T) {
	s := connect(t)
	killed := make(chan struct{})
	go s.listen(t.Context(), nil, func() { close(killed) })
	close(s.ended)
	if _, err := s.result(); !errors.Is(err, ErrEnded) {
		t.Errorf("got %v", err)
	}
	<-killed // what may be left of it ends, too
}

func TestAWorkerRunsItsTask(t *testing.T) {
	outer, inner, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	f := &fake{logs: map[string]string{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := Work(context.Background(), inner, nil, log, time.Now); err != nil {
			t.Error(err)
		}
	}()
	dir := t.TempDir()
	r, err := Serve(t.Context(), outer, Config{
		Task: Task{
			WorkDir: dir, TempDir: dir, ActionsDir: dir, ToolDir: dir, Env: []string{"PATH=/usr/bin:/bin"}, TrackingID: "github_x",
			Message: &wire.JobMessage{
				JobID: "7", ContextData: wire.ContextData{"github": &wire.ContextDict{Pairs: []wire.ContextPair{{Key: "repository", Value: "octo/hello"}}}},
			},
		},
		Sink: f, Actions: f, Spool: dir, Log: log,
	}, ended)
	if err != nil || r.Conclusion != wire.Succeeded {
		t.Errorf("result %+v, %v", r, err)
	}
	<-ended
	if len(f.steps) == 0 || len(f.logs) == 0 {
		t.Errorf("%d steps, %d logs", len(f.steps), len(f.logs))
	}
}
