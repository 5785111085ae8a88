package queue_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// loop runs q's loop until the end of the test.
func loop(t *testing.T, q *queue.Queue) {
	t.Helper()
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- q.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("loop: %v", err)
		}
	})
}

// told waits in q as a runner does.
func told(t *testing.T, q *queue.Queue, r *actions.Runner, idle bool) <-chan *queue.Message {
	t.Helper()
	got := make(chan *queue.Message, 1)
	go func() {
		m, err := q.Message(t.Context(), r, idle)
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	return got
}

// eachServers runs a test with two queues: of two servers on PostgreSQL; on SQLite
// of one process, where only what goes through the store connects them.
func eachServers(t *testing.T, test func(t *testing.T, here *bench, there *queue.Queue)) {
	t.Helper()
	storetest.EachSchema(t, func(t *testing.T, url string) {
		b := newBench(t, storetest.OpenURL(t, url))
		st := b.st
		if url[:6] != "sqlite" {
			st = storetest.OpenURL(t, url)
		}
		there := queue.New(st, slog.New(slog.NewTextHandler(t.Output(), nil)), lease, b.now, queue.Rules{})
		loop(t, b.Queue)
		loop(t, there)
		test(t, b, there)
	})
}

// await returns when so many runners wait: they have looked and found nothing.
func await(t *testing.T, waiting func() int, n int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); waiting() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d runners wait, want %d", waiting(), n)
		}
	}
}

func TestAJobStartsOnARunnerThatWaitsAtAnotherServer(t *testing.T) {
	storetest.EachSchema(t, func(t *testing.T, url string) {
		if url[:6] == "sqlite" {
			t.Skip("one server has the file to itself")
		}
		b, st := newBench(t, storetest.OpenURL(t, url)), storetest.OpenURL(t, url)
		there := queue.New(st, slog.New(slog.NewTextHandler(t.Output(), nil)), lease, b.now, queue.Rules{})
		loop(t, b.Queue)
		loop(t, there)
		r := b.runner(actions.Scope{}, "linux")
		for round := range 5 {
			got := told(t, there, r, true)
			await(t, there.Idle, 1)
			before := time.Now()
			job := b.job("linux")
			select {
			case m := <-got:
				if m == nil || m.Offer.ID != job.ID {
					t.Fatalf("told %+v, want an offer of job %d", m, job.ID)
				}
			case <-time.After(20 * time.Second): // less than between two checks
				t.Fatal("the runner at the other server was not told")
			}
			t.Logf("round %d: offered after %s", round, time.Since(before))
			if _, err := there.Acquire(t.Context(), job.GUID, r, func(*store.Tx, *actions.Job) error { return nil }); err != nil {
				t.Fatal(err)
			}
			b.must(b.st.Update(t.Context(), func(tx *store.Tx) error {
				j, err := tx.Job(t.Context(), job.ID)
				if err != nil {
					return err
				}
				j.Complete(actions.Success, b.now())
				return tx.UpdateJob(t.Context(), j)
			}))
		}
	})
}

func TestABusyRunnerAtAnotherServerHearsOfTheCancellation(t *testing.T) {
	eachServers(t, func(t *testing.T, b *bench, there *queue.Queue) {
		job, r := b.job("linux"), b.runner(actions.Scope{}, "linux")
		b.must(b.acquire(job, r))
		b.pass(5 * time.Second)
		got := told(t, there, r, false)
		await(t, there.Busy, 1)
		b.must(b.st.Update(t.Context(), func(tx *store.Tx) error {
			j, err := tx.Job(t.Context(), job.ID)
			if err != nil {
				return err
			}
			j.CancelAt = b.now()
			return tx.UpdateJob(t.Context(), j)
		}))
		select {
		case m := <-got:
			if m == nil || m.Cancel == nil || m.Cancel.ID != job.ID {
				t.Errorf("told %+v, want the cancellation of job %d", m, job.ID)
			}
		case <-time.After(20 * time.Second):
			t.Error("the runner was not told")
		}
	})
}

// It would hear of it when it renews, up to a minute later.
func TestABusyRunnerAtAnotherServerHearsThatItsJobWasEndedByForce(t *testing.T) {
	eachServers(t, func(t *testing.T, b *bench, there *queue.Queue) {
		job, r := b.job("linux"), b.runner(actions.Scope{}, "linux")
		b.must(b.acquire(job, r))
		b.pass(5 * time.Second)
		got := told(t, there, r, false)
		await(t, there.Busy, 1)
		b.must(b.st.Update(t.Context(), func(tx *store.Tx) error {
			j, err := tx.Job(t.Context(), job.ID)
			if err != nil {
				return err
			}
			j.CancelAt = b.now()
			j.Complete(actions.Cancelled, b.now())
			return tx.UpdateJob(t.Context(), j)
		}))
		select {
		case m := <-got:
			if m == nil || m.Cancel == nil || m.Cancel.ID != job.ID {
				t.Errorf("told %+v, want the end of job %d", m, job.ID)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the runner was not told")
		}
		silent := func(why string) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if m, err := there.Message(ctx, r, false); m != nil || err != nil {
				t.Errorf("%s it is told %+v, %v", why, m, err)
			}
		}
		silent("a moment later")
		b.pass(2 * queue.AfterEnd)
		silent("when it must have heard of it")
	})
}

// A server was killed between the commit and the wake-up: nobody was told.
func TestAJobThatNobodyAnnouncedIsFoundByTheNextCheck(t *testing.T) {
	storetest.EachSchema(t, func(t *testing.T, url string) {
		o := storetest.Options(t, url)
		o.Recheck = 200 * time.Millisecond
		st, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		storetest.Listen(t, st)
		b := newBench(t, st)
		loop(t, b.Queue)
		got := told(t, b.Queue, b.runner(actions.Scope{}, "linux"), true)
		await(t, b.Idle, 1)
		b.fill(1, "", func(int) []string { return []string{"linux"} })
		select {
		case m := <-got:
			if m == nil || m.Offer == nil {
				t.Errorf("told %+v, want an offer", m)
			}
		case <-time.After(20 * time.Second):
			t.Error("the job is not found")
		}
	})
}

func TestAnOfferThatIsNotTakenGoesToOneWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, storetest.Open(t))
		loop(t, b.Queue)
		job, dead, waiting := b.job("linux"), b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{}, "linux")
		if got := b.offered(dead); got != job.ID {
			t.Fatalf("offered %d, want %d", got, job.ID)
		}
		got := told(t, b.Queue, waiting, true)
		synctest.Wait()
		b.pass(9 * time.Second)
		time.Sleep(2 * time.Second) // of the bubble
		synctest.Wait()
		select {
		case m := <-got:
			t.Errorf("told %+v while the first may still take it", m)
		default:
		}
		b.pass(2 * time.Second)
		select {
		case m := <-got:
			if m == nil || m.Offer.ID != job.ID {
				t.Errorf("told %+v, want an offer of job %d", m, job.ID)
			}
		case <-time.After(time.Minute): // of the bubble
			t.Error("the job is not offered again")
		}
	})
}

// Whoever read the database before the end of the job wakes the queue after it.
func TestAJobThatIsOverIsOfferedToNobody(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	job, r := b.job("linux"), b.runner(actions.Scope{}, "linux")
	stale := &store.Waiting{ID: job.ID, GUID: job.GUID, Labels: job.Labels, Work: actions.WorkOf(b.repo, b.run)}
	b.must(b.st.Update(t.Context(), func(tx *store.Tx) error {
		job.Complete(actions.Cancelled, b.now())
		return tx.UpdateJob(t.Context(), job)
	}))
	b.Forget(job)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	got := make(chan *queue.Message, 1)
	go func() {
		m, err := b.Message(ctx, r, true)
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	for ctx.Err() == nil {
		b.Wake(stale)
		time.Sleep(time.Millisecond)
	}
	if m := <-got; m != nil {
		t.Errorf("the runner is offered job %d, which is over", m.Offer.ID)
	}
}

// twoServers runs a test with two servers on one PostgreSQL that have heard of each
// other.
func twoServers(t *testing.T, test func(t *testing.T, here, there *bench)) {
	t.Helper()
	storetest.EachSchema(t, func(t *testing.T, url string) {
		if url[:6] == "sqlite" {
			t.Skip("one server has the file to itself")
		}
		here := newBench(t, storetest.OpenURL(t, url))
		there := &bench{t: t, st: storetest.OpenURL(t, url), repo: here.repo, run: here.run, at: here.at}
		there.Queue = queue.New(there.st, slog.New(slog.NewTextHandler(t.Output(), nil)), lease, there.now, queue.Rules{})
		await(t, func() int {
			here.st.Publish(store.SettingsTopic())
			there.st.Publish(store.SettingsTopic())
			_, a := here.st.Rank()
			_, b := there.st.Rank()
			return min(a, b)
		}, 2)
		test(t, here, there)
	})
}

func TestRunnersOfTwoServersAreOfferedDifferentJobs(t *testing.T) {
	twoServers(t, func(t *testing.T, here, there *bench) {
		const jobs, each = 100, 8
		here.fill(jobs, "", func(int) []string { return []string{"linux"} })
		offered := make(map[int64]int)
		for range each {
			for _, b := range []*bench{here, there} {
				offered[b.offered(b.runner(actions.Scope{}, "linux"))]++
			}
		}
		if len(offered) != 2*each {
			t.Errorf("%d jobs are offered to %d runners", len(offered), 2*each)
		}
		first := here.firstJob()
		for id := range offered {
			if id >= first+32 { // of the oldest 16 for each server
				t.Errorf("job %d is offered, and %d is the oldest", id, first)
			}
		}
	})
}

// Nobody takes jobs at the other server, which is heard of all the time.
func TestNoJobWaitsForAServerThatDoesNotTakeIt(t *testing.T) {
	twoServers(t, func(t *testing.T, b, _ *bench) {
		const jobs = 60
		b.fill(jobs, "", func(int) []string { return []string{"linux"} })
		oldest, since := b.firstJob(), 0
		for n := range jobs {
			r := b.runner(actions.Scope{}, "linux")
			id := b.offered(r)
			if id == 0 {
				t.Fatalf("nothing is offered, and %d jobs wait", jobs-n)
			}
			job, err := b.st.Job(t.Context(), id)
			b.must(err)
			b.must(b.acquire(job, r))
			if since++; since > 9 {
				t.Fatalf("job %d is the oldest, and %d younger ones came first", oldest, since)
			}
			if id == oldest {
				oldest, since = b.firstJob(), 0
			}
		}
	})
}

// firstJob is the oldest job that waits, 0 for none.
func (b *bench) firstJob() int64 {
	b.t.Helper()
	jobs, err := b.st.Jobs(b.t.Context(), b.run.ID, 1)
	b.must(err)
	for _, j := range jobs {
		if j.Status == actions.Queued {
			return j.ID
		}
	}
	return 0
}
