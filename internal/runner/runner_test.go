package runner

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

type executor func(context.Context, *worker.Job) *worker.Result

func succeed(context.Context, *worker.Job) *worker.Result {
	return &worker.Result{Conclusion: wire.Succeeded}
}

func configure(t testing.TB, s *server, change func(*Options)) (root string) {
	t.Helper()
	o := Options{
		Root: t.TempDir(), URL: s.http.URL + "/enterprises/understudy", Token: "REG", Name: "box1",
		Labels: []string{"ubuntu-latest"}, Version: "1.0", Log: testLog(t),
	}
	if change != nil {
		change(&o)
	}
	if err := Configure(t.Context(), o); err != nil {
		t.Fatalf("configure: %v", err)
	}
	return o.Root
}

// A running runner, and the end of its Listen.
type running struct {
	*Runner
	stop context.CancelFunc
	err  chan error
}

func listen(t *testing.T, root string, execute executor, change func(*Runner)) *running {
	t.Helper()
	r, err := New(Config{Root: root, Version: "1.0", Execute: execute, Now: time.Now, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	r.timing.busyPoll = 10 * time.Millisecond
	r.timing.feedGap = 5 * time.Millisecond
	if change != nil {
		change(r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l := &running{Runner: r, stop: cancel, err: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.err <- r.Listen(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return l
}

func (l *running) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-l.err:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the runner goes on")
		return nil
	}
}

func TestJobRunsAndTheNextPollIsOnline(t *testing.T) {
	s := newServer(t)
	var dirs worker.Job
	root := configure(t, s, nil)
	listen(t, root, func(ctx context.Context, j *worker.Job) *worker.Result {
		dirs = *j
		s.eventually("the job is renewed beside its start", func() bool { return s.renewed > 0 })
		for _, dir := range []string{j.WorkDir, j.TempDir, j.ActionsDir, j.ToolDir} {
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				t.Errorf("%s: %v", dir, err)
			}
		}
		locked := filepath.Join(j.WorkDir, "cache", "module")
		if err := os.MkdirAll(locked, 0o700); err != nil {
			t.Error(err)
		}
		if err := errors.Join(os.WriteFile(filepath.Join(locked, "x"), nil, 0o400), os.Chmod(locked, 0o500)); err != nil {
			t.Error(err)
		}
		return &worker.Result{Conclusion: wire.Succeeded, Outputs: map[string]wire.Variable{"o": {Value: "1"}}}
	}, nil)
	s.offer("request-1")
	got := s.result()
	want := wire.CompleteJobRequest{PlanID: "plan-1", JobID: "job-1", Conclusion: wire.Succeeded, Outputs: map[string]wire.Variable{"o": {Value: "1"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	s.eventually("a poll says online again", func() bool { return s.online() >= 2 })
	s.mu.Lock()
	if len(s.acks) != 1 || s.acks[0] != "request-1" || s.acquired != 1 {
		t.Errorf("acknowledged %v, acquired %d", s.acks, s.acquired)
	}
	s.mu.Unlock()
	s.eventually("the job's directory is removed", func() bool {
		left, err := filepath.Glob(filepath.Join(root, trashFolder, "*"))
		_, serr := os.Stat(dirs.WorkDir)
		return err == nil && len(left) == 0 && errors.Is(serr, os.ErrNotExist)
	})
}

func TestPollsSayBusyWhileAJobRuns(t *testing.T) {
	s := newServer(t)
	goOn := make(chan struct{})
	listen(t, configure(t, s, nil), func(context.Context, *worker.Job) *worker.Result {
		<-goOn
		return &worker.Result{Conclusion: wire.Succeeded}
	}, nil)
	s.offer("request-1")
	s.eventually("a poll says busy", func() bool { return slices.Contains(s.polls, wire.StatusBusy) })
	s.send(wire.RunnerJobRequestType, wire.RunnerJobRequest{RunnerRequestID: "request-2", RunServiceURL: s.http.URL + "/run/"})
	s.eventually("the offer is taken from the poll", func() bool { return len(s.messages) == 0 }) // and ignored
	close(goOn)
	s.result()
	s.eventually("a poll says online again", func() bool { return s.online() >= 2 })
}

func TestJobThatAnotherRunnerHasIsSkipped(t *testing.T) {
	s := newServer(t)
	listen(t, configure(t, s, nil), succeed, nil)
	s.offer("request-other")
	s.offer("request-1")
	s.result()
	if s.acquired != 1 {
		t.Errorf("acquired %d times", s.acquired)
	}
}

func TestTokenIsFetchedAgainAfterA401(t *testing.T) {
	s := newServer(t)
	listen(t, configure(t, s, nil), succeed, nil)
	s.offer("request-1")
	s.result()
	s.expireTokens()
	s.offer("request-1")
	s.result()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.issued < 2 || s.sessions != 1 {
		t.Errorf("%d tokens, %d sessions", s.issued, s.sessions)
	}
}

func TestInvalidSessionIsReplaced(t *testing.T) {
	s := newServer(t)
	listen(t, configure(t, s, nil), succeed, nil)
	s.offer("request-1")
	s.result()
	s.mu.Lock()
	s.session = "of another time"
	s.mu.Unlock()
	s.messages <- wire.Message{} // ends the poll that is open
	s.eventually("a second session", func() bool { return s.sessions == 2 })
	s.offer("request-1")
	s.result()
}

func TestRemovedRunnerDeletesItsConfigurationAndStops(t *testing.T) {
	s := newServer(t)
	root := configure(t, s, nil)
	l := listen(t, root, succeed, nil)
	s.eventually("a poll", func() bool { return len(s.polls) > 0 })
	s.failing(refuseMessage(wire.RunnerNotFound))
	s.send("x", nil)
	if err := l.end(t); !errors.Is(err, ErrRemoved) {
		t.Errorf("got %v", err)
	}
	if Configured(root, "") {
		t.Error("the configuration is still there")
	}
}

// Its server may have older data for a while.
func TestARunnerThatIsNotKnownKeepsItsConfiguration(t *testing.T) {
	s := newServer(t)
	root := configure(t, s, nil)
	forget := s.forgetRunner()
	l := listen(t, root, succeed, nil)
	if err := l.end(t); !errors.Is(err, ErrUnknown) {
		t.Errorf("where it begins: %v, want that it ends and says why", err)
	}
	forget()
	l = listen(t, root, succeed, nil)
	s.eventually("a poll", func() bool { return len(s.polls) > 0 })
	known := s.forgetRunner()
	s.messages <- wire.Message{}
	s.eventually("it asks again and again for a token", func() bool { return s.refused >= 3 })
	known()
	s.offer("request-1")
	s.result()
	if !Configured(root, "") {
		t.Error("the configuration is gone")
	}
	l.stop()
}

func TestARunnerThatItsServerStartedDoesNotWaitToBeKnown(t *testing.T) {
	for name, remove := range map[string]func(*server){
		"where it begins": func(s *server) { s.forgetRunner() },
		"while it polls":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			root := configure(t, s, nil)
			if remove != nil {
				remove(s)
			}
			l := listen(t, root, succeed, func(r *Runner) { r.cfg.OrphanAfter = time.Hour })
			if remove == nil {
				s.eventually("a poll", func() bool { return len(s.polls) > 0 })
				s.forgetRunner()
				s.messages <- wire.Message{}
			}
			if err := l.end(t); !errors.Is(err, ErrUnknown) {
				t.Errorf("got %v", err)
			}
			if Configured(root, "") {
				t.Error("the configuration is still there, and the next one would not register")
			}
		})
	}
}

func refuseMessage(kind string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/broker/message" {
			return false
		}
		answerJSON(w, brokerRefusal(kind))
		return true
	}
}

func TestEphemeralRunnerTakesOneJobAndIsGone(t *testing.T) {
	s := newServer(t)
	root := configure(t, s, func(o *Options) { o.Ephemeral = true })
	l := listen(t, root, succeed, nil)
	s.offer("request-other") // a miss is no job
	s.offer("request-1")
	s.result()
	if err := l.end(t); err != nil {
		t.Errorf("got %v", err)
	}
	if Configured(root, "") {
		t.Error("the configuration is still there")
	}
}

func TestEphemeralRunnerEndsWellWhenAPollHearsFirstThatItIsGone(t *testing.T) {
	s := newServer(t)
	busy, gone, told := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s.failing(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/broker/message" && r.URL.Query().Get("status") == wire.StatusBusy:
			close(busy)
			<-gone
			defer close(told)
			return refuseMessage(wire.RunnerNotFound)(w, r)
		case r.URL.Path == "/run/completejob":
			close(gone)
			<-told
		}
		return false
	})
	root := configure(t, s, func(o *Options) { o.Ephemeral = true })
	l := listen(t, root, func(ctx context.Context, j *worker.Job) *worker.Result {
		<-busy
		return succeed(ctx, j)
	}, nil)
	s.offer("request-1")
	if got := s.result().Conclusion; got != wire.Succeeded {
		t.Errorf("conclusion %s", got)
	}
	if err := l.end(t); err != nil {
		t.Errorf("got %v", err)
	}
	if Configured(root, "") {
		t.Error("the configuration is still there")
	}
}

func TestCancellationReachesTheWorker(t *testing.T) {
	s := newServer(t)
	listen(t, configure(t, s, nil), func(_ context.Context, j *worker.Job) *worker.Result {
		s.send(wire.JobCancellationType, wire.JobCancellation{JobID: "another job"})
		s.send(wire.JobCancellationType, wire.JobCancellation{JobID: j.Message.JobID, Timeout: wire.Duration(5 * time.Minute)})
		if got := <-j.Signals; got != worker.Cancel {
			t.Errorf("signal %v", got)
		}
		return &worker.Result{Conclusion: wire.Canceled}
	}, nil)
	s.offer("request-1")
	if got := s.result().Conclusion; got != wire.Canceled {
		t.Errorf("conclusion %s", got)
	}
}

func TestRefusedRenewalCancelsTheJob(t *testing.T) {
	s := newServer(t)
	s.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/run/renewjob" {
			return false
		}
		answerJSON(w, runRefusal(http.StatusNotFound))
		return true
	})
	listen(t, configure(t, s, nil), func(_ context.Context, j *worker.Job) *worker.Result {
		if got := <-j.Signals; got != worker.Cancel {
			t.Errorf("signal %v", got)
		}
		return &worker.Result{Conclusion: wire.Canceled}
	}, nil)
	s.offer("request-1")
	if got := s.result().Conclusion; got != wire.Canceled {
		t.Errorf("conclusion %s", got)
	}
}

func TestShortLeaseIsRenewedInTime(t *testing.T) {
	s := newServer(t)
	s.lock = 300 * time.Millisecond
	listen(t, configure(t, s, nil), func(context.Context, *worker.Job) *worker.Result {
		s.eventually("several renewals", func() bool { return s.renewed >= 4 })
		return &worker.Result{Conclusion: wire.Succeeded}
	}, nil)
	s.offer("request-1")
	s.result()
}

// As a server answers whose database hung for longer than the lease.
func TestALeaseThatAnAnswerGivesTooLateIsRenewedAtOnce(t *testing.T) {
	s := newServer(t)
	set := func(d time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lock, s.renewed = d, 0
	}
	set(300 * time.Millisecond)
	listen(t, configure(t, s, nil), func(context.Context, *worker.Job) *worker.Result {
		for _, d := range []time.Duration{300 * time.Millisecond, -time.Second, 300 * time.Millisecond} {
			set(d)
			s.eventually("several renewals", func() bool { return s.renewed >= 3 })
		}
		return &worker.Result{Conclusion: wire.Succeeded}
	}, nil)
	s.offer("request-1")
	s.result()
}

func TestSilentServerCancelsTheJobOnlyWhenPatienceEnds(t *testing.T) {
	s := newServer(t)
	s.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/run/renewjob" {
			w.WriteHeader(http.StatusNotFound) // a proxy's: not the run service's word
			return true
		}
		return false
	})
	listen(t, configure(t, s, nil), func(_ context.Context, j *worker.Job) *worker.Result {
		<-j.Signals
		return &worker.Result{Conclusion: wire.Canceled}
	}, func(r *Runner) { r.timing.patience = 300 * time.Millisecond })
	s.offer("request-1")
	s.result()
}

func TestStopShutsTheJobDownAndReportsIt(t *testing.T) {
	s := newServer(t)
	started := make(chan struct{})
	l := listen(t, configure(t, s, nil), func(_ context.Context, j *worker.Job) *worker.Result {
		close(started)
		if got := <-j.Signals; got != worker.Shutdown {
			t.Errorf("signal %v", got)
		}
		return &worker.Result{Conclusion: wire.Failed}
	}, nil)
	s.offer("request-1")
	<-started
	l.stop()
	if got := s.result().Conclusion; got != wire.Failed {
		t.Errorf("conclusion %s", got)
	}
	if err := l.end(t); err != nil {
		t.Errorf("got %v", err)
	}
	if s.closed != 1 {
		t.Errorf("session closed %d times", s.closed)
	}
}

func TestWorkerThatIgnoresShutdownIsKilled(t *testing.T) {
	s := newServer(t)
	started := make(chan struct{})
	l := listen(t, configure(t, s, nil), func(ctx context.Context, _ *worker.Job) *worker.Result {
		close(started)
		<-ctx.Done()
		return &worker.Result{Conclusion: wire.Failed}
	}, func(r *Runner) { r.timing.shutdown = 20 * time.Millisecond })
	s.offer("request-1")
	<-started
	l.stop()
	s.result()
	if err := l.end(t); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestJobMayEndWithinTheDrain(t *testing.T) {
	s := newServer(t)
	started, goOn := make(chan struct{}), make(chan struct{})
	l := listen(t, configure(t, s, nil), func(context.Context, *worker.Job) *worker.Result {
		close(started)
		<-goOn
		return &worker.Result{Conclusion: wire.Succeeded}
	}, func(r *Runner) { r.cfg.Drain = time.Minute })
	s.offer("request-1")
	<-started
	l.stop()
	close(goOn)
	if got := s.result().Conclusion; got != wire.Succeeded {
		t.Errorf("conclusion %s", got)
	}
}

func TestCrashOfTheWorkerFailsTheJob(t *testing.T) {
	s := newServer(t)
	listen(t, configure(t, s, nil), func(context.Context, *worker.Job) *worker.Result { panic("boom") }, nil)
	s.offer("request-1")
	got := s.result()
	if got.Conclusion != wire.Failed || len(got.Annotations) != 1 || strings.Contains(got.Annotations[0].Message, "boom") {
		t.Errorf("got %+v", got)
	}
}

func TestRootBelongsToOneProcess(t *testing.T) {
	s := newServer(t)
	root := configure(t, s, nil)
	if _, ok := Running(root); ok {
		t.Error("runs before it was started")
	}
	l := listen(t, root, succeed, nil)
	s.eventually("a poll", func() bool { return len(s.polls) > 0 })
	if pid, ok := Running(root); !ok || pid != os.Getpid() {
		t.Errorf("running: %d, %v", pid, ok)
	}
	second, err := New(Config{Root: root, Execute: succeed, Now: time.Now, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Listen(t.Context()); !errors.Is(err, ErrRunning) {
		t.Errorf("second: %v", err)
	}
	l.stop()
	if err := l.end(t); err != nil {
		t.Errorf("first: %v", err)
	}
	if _, ok := Running(root); ok {
		t.Error("runs after its end")
	}
}

func TestUnregisterRemovesTheRunner(t *testing.T) {
	s := newServer(t)
	root := configure(t, s, nil)
	if err := Unregister(t.Context(), Options{Root: root, Token: "REM", Log: testLog(t)}); err != nil {
		t.Fatal(err)
	}
	if Configured(root, "") || len(s.keys) != 0 {
		t.Error("something is left")
	}
}

func answerJSON(w http.ResponseWriter, r refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(r.body)
}
