package runners_test

import (
	"context"
	"crypto/rand"
	"log/slog"
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
)

// eachServers runs a test with two servers: on PostgreSQL each with a store of its
// own, on SQLite in one process, where only the store connects them.
func eachServers(t *testing.T, completion time.Duration, test func(t *testing.T, w *world, there *runners.Runners)) {
	t.Helper()
	storetest.EachSchema(t, func(t *testing.T, url string) {
		w := newWorld(t, storetest.OpenURL(t, url))
		w.Runners = w.service(w.st, w.queue, w.scheduler, completion)
		st := w.st
		if url[:6] != "sqlite" {
			st = storetest.OpenURL(t, url)
		}
		test(t, w, w.another(st, completion))
	})
}

// another is the service of another server, on a store.
func (w *world) another(st *store.Store, completion time.Duration) *runners.Runners {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	q := queue.New(st, log, time.Minute, w.now, queue.Rules{})
	s := scheduler.New(scheduler.Config{Store: st, Queue: q, Sources: source.New(st), Log: log, Now: w.now, NewID: uuid.NewString, Lease: time.Minute})
	return w.service(st, q, s, completion)
}

func (w *world) service(st *store.Store, q *queue.Queue, s *scheduler.Scheduler, completion time.Duration) *runners.Runners {
	w.t.Helper()
	return runners.New(runners.Config{
		Store: st, Queue: q, Scheduler: s, Keys: w.keys, Log: slog.New(slog.NewTextHandler(&w.log, nil)), Now: w.now, NewID: uuid.NewString, Random: rand.Reader,
		PollTime: time.Hour, CompletionTime: completion,
	})
}

// loop runs the loop of a server until the end of the test.
func (w *world) loop(s *runners.Runners) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("loop: %v", err)
		}
	})
}

func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not seen in 20 s: %s", what)
		}
	}
}

// says polls, until the server has heard it.
func (w *world) says(s *runners.Runners, r *actions.Runner, p runners.Poll) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { _, err := s.Poll(ctx, r, p); done <- err }()
	w.await("the poll waits", func() bool { return s.Polls() > 0 })
	cancel()
	w.must(<-done)
}

func TestABusyPollStopsTheTimerOfAnotherServer(t *testing.T) {
	eachServers(t, time.Hour, func(t *testing.T, w *world, there *runners.Runners) {
		w.loop(w.Runners)
		r, session := w.connected("box")
		w.hold(r)
		w.says(w.Runners, r, runners.Poll{Session: session.ID})
		if w.Overdue() != 1 {
			t.Fatal("no completion is waited for")
		}
		w.says(there, r, runners.Poll{Session: session.ID, Busy: true})
		w.await("the timer has stopped", func() bool { return w.Overdue() == 0 })
	})
}

// The first server hears nothing, and its timer ends.
func TestALostNoticeFailsNoJobOfABusyRunner(t *testing.T) {
	const completion = 2 * time.Second
	eachServers(t, completion, func(t *testing.T, w *world, there *runners.Runners) {
		r, session := w.connected("box")
		job := w.hold(r)
		before := time.Now()
		w.says(w.Runners, r, runners.Poll{Session: session.ID})
		w.says(there, r, runners.Poll{Session: session.ID, Busy: true})
		if time.Since(before) > completion {
			t.Skip("this machine is too slow to say anything in time")
		}
		w.await("the timer has ended", func() bool { return w.Overdue() == 0 })
		time.Sleep(200 * time.Millisecond) // what it did is done
		if now, err := w.st.Job(t.Context(), job.ID); err != nil || now.Status != actions.InProgress {
			t.Errorf("the job is %s, %v; its runner said that it works on it", now.Status, err)
		}
	})
}

func TestARunnerThatIsIdleAtEitherServerLosesItsJob(t *testing.T) {
	eachServers(t, 300*time.Millisecond, func(t *testing.T, w *world, there *runners.Runners) {
		r, session := w.connected("box")
		job := w.hold(r)
		for _, c := range []struct {
			at   *runners.Runners
			busy bool
		}{{w.Runners, false}, {there, true}, {there, false}} {
			w.says(c.at, r, runners.Poll{Session: session.ID, Busy: c.busy})
		}
		w.await("the job has failed", func() bool {
			now, err := w.st.Job(t.Context(), job.ID)
			w.must(err)
			return now.Status == actions.Completed && now.Conclusion == actions.Failure
		})
	})
}

func TestASessionThatIsTakenOverAtAnotherServerLosesItsPoll(t *testing.T) {
	eachServers(t, time.Hour, func(t *testing.T, w *world, there *runners.Runners) {
		w.loop(w.Runners)
		r, session := w.connected("box")
		poll := w.poll(r, runners.Poll{Session: session.ID})
		session, err := there.OpenSession(t.Context(), r, session.Owner)
		w.must(err)
		w.ended(poll)

		poll = w.poll(r, runners.Poll{Session: session.ID})
		w.must(there.EndSession(t.Context(), r))
		w.ended(poll)

		poll = w.poll(r, runners.Poll{Session: session.ID})
		w.must(there.Remove(t.Context(), r.Scope, r.ID))
		w.ended(poll)
	})
}

// The session was taken over before anybody listened.
func TestALoopThatBeginsLateEndsThePollOfAnOldSession(t *testing.T) {
	eachServers(t, time.Hour, func(t *testing.T, w *world, there *runners.Runners) {
		r, session := w.connected("box")
		poll := w.poll(r, runners.Poll{Session: session.ID})
		_, err := there.OpenSession(t.Context(), r, session.Owner)
		w.must(err)
		w.loop(w.Runners)
		w.ended(poll)
	})
}

func TestASessionThatNobodyAnnouncedIsSeenByTheNextCheck(t *testing.T) {
	storetest.EachSchema(t, func(t *testing.T, url string) {
		open := func() *store.Store {
			o := storetest.Options(t, url)
			o.Recheck = 200 * time.Millisecond
			st, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			return st
		}
		st, silent := open(), open()
		storetest.Listen(t, st)
		w := newWorld(t, st)
		w.Runners = w.service(w.st, w.queue, w.scheduler, time.Hour)
		w.loop(w.Runners)
		r, session := w.connected("box")
		poll := w.poll(r, runners.Poll{Session: session.ID})
		_, err := w.another(silent, time.Hour).OpenSession(t.Context(), r, session.Owner)
		w.must(err)
		w.ended(poll)
	})
}
