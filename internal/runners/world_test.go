package runners_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A world is the service on a real store, with one repository and a clock that
// tests move.
type world struct {
	*runners.Runners
	t         *testing.T
	st        *store.Store
	keys      *token.Keys
	queue     *queue.Queue
	scheduler *scheduler.Scheduler
	repo      *actions.Repository
	late      atomic.Int64 // nanoseconds ahead of the clock
	log       logText
}

// A logText is what the service has logged.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// lines are those that contain a text.
func (l *logText) lines(text string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// each runs a test on both engines. Polls without news are held for an hour.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(t, newWorld(t, st)) })
}

func newWorld(t *testing.T, st *store.Store) *world {
	t.Helper()
	w := &world{t: t, st: st}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	w.keys, err = token.LoadKeys(t.TempDir(), rand.Reader)
	w.must(err)
	w.queue = queue.New(st, log, time.Minute, w.now, queue.Rules{})
	w.scheduler = scheduler.New(scheduler.Config{Store: st, Queue: w.queue, Sources: source.New(st), Log: log, Now: w.now, NewID: uuid.NewString, Lease: time.Minute})
	w.Runners = w.service(st, w.queue, w.scheduler, time.Hour)
	owner := actions.Account{Login: "octo", Type: actions.User, CreatedAt: w.now(), UpdatedAt: w.now()}
	w.must(st.CreateAccount(t.Context(), &owner))
	w.repo = &actions.Repository{Owner: owner, Name: "hello", DefaultBranch: "main", CreatedAt: w.now(), UpdatedAt: w.now()}
	w.must(st.CreateRepository(t.Context(), w.repo))
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.late.Load())) }

// pass moves the clock.
func (w *world) pass(d time.Duration) { w.late.Add(int64(d)) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// wantKind checks the kind of an error; "" is for none.
func (w *world) wantKind(what string, err error, want actions.Kind) {
	w.t.Helper()
	if got := actions.KindOf(err); got != want {
		w.t.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}

// One key is enough for all tests, and slow to make.
var oneKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// runner registers a runner of a scope.
func (w *world) runner(sc actions.Scope, name string) *actions.Runner {
	w.t.Helper()
	key, err := oneKey()
	w.must(err)
	r := &actions.Runner{Scope: sc, Name: name, Labels: []actions.Label{{Name: "linux"}}}
	w.must(w.Register(w.t.Context(), r, &key.PublicKey, false))
	return r
}

// connected is a runner of the site and its session.
func (w *world) connected(name string) (*actions.Runner, *actions.Session) {
	w.t.Helper()
	r := w.runner(actions.Scope{}, name)
	session, err := w.OpenSession(w.t.Context(), r, name+" (PID: 1)")
	w.must(err)
	return r, session
}

// hold gives the runner a job.
func (w *world) hold(r *actions.Runner) *actions.Job {
	w.t.Helper()
	ctx, text := w.t.Context(), "on: push\njobs: {build: {runs-on: linux, steps: [{run: exit 0}]}}\n"
	const path = ".github/workflows/ci.yml"
	parsed, problem := workflow.Parse(path, []byte(text))
	w.must(problem)
	run := &actions.Run{
		RepoID: w.repo.ID, Name: "CI", Path: path, Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
		HeadSHA: strings.Repeat("a", 40), Actor: w.repo.Owner,
	}
	src := &actions.RunSource{Payload: []byte(`{"ref":"refs/heads/main"}`), Workflow: []byte(text)}
	st := &scheduler.Start{Run: run, Repo: w.repo, Source: src, Workflow: parsed}
	w.must(w.scheduler.Prepare(ctx, st))
	w.must(w.st.Update(ctx, func(tx *store.Tx) error {
		rec := &actions.Workflow{RepoID: w.repo.ID, Path: path, Name: "CI", State: actions.Active, CreatedAt: w.now(), UpdatedAt: w.now()}
		if err := tx.SaveWorkflow(ctx, rec); err != nil {
			return err
		}
		run.WorkflowID = rec.ID
		return w.scheduler.Commit(ctx, tx, st)
	}))
	jobs, err := w.st.Jobs(ctx, run.ID, 0)
	w.must(err)
	job, err := w.queue.Acquire(ctx, jobs[0].GUID, r, func(*store.Tx, *actions.Job) error { return nil })
	w.must(err)
	return job
}

// A heldPoll is one that waits, without news.
type heldPoll struct {
	hangUp context.CancelFunc // what its client does
	done   chan error
}

// poll begins a poll that has no news.
func (w *world) poll(r *actions.Runner, p runners.Poll) *heldPoll {
	w.t.Helper()
	for w.Polls() > 0 { // the one before is answered, and not quite over
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	h := &heldPoll{cancel, make(chan error, 1)}
	go func() {
		m, err := w.Poll(ctx, r, p)
		if m != nil {
			err = fmt.Errorf("message %+v, want none", m)
		}
		h.done <- err
	}()
	for w.Polls() == 0 {
		time.Sleep(time.Millisecond)
	}
	return h
}

// ended waits for the end of the poll.
func (w *world) ended(h *heldPoll) {
	w.t.Helper()
	select {
	case err := <-h.done:
		w.must(err)
	case <-time.After(time.Minute):
		w.t.Fatal("the poll goes on")
	}
}
