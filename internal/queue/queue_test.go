package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A bench is a queue on a real store with one run to hang jobs on.
type bench struct {
	*queue.Queue
	t    testing.TB
	st   *store.Store
	repo *actions.Repository
	run  *actions.Run
	mu   sync.Mutex
	at   time.Time
}

const lease = time.Minute

func newBench(t testing.TB, st *store.Store) *bench {
	t.Helper()
	b := &bench{t: t, st: st, at: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	b.Queue = queue.New(st, slog.New(slog.NewTextHandler(t.Output(), nil)), lease, b.now, queue.Rules{})
	ctx := t.Context()
	owner := actions.Account{Login: "octo", Type: actions.User, CreatedAt: b.at, UpdatedAt: b.at}
	b.must(st.CreateAccount(ctx, &owner))
	b.repo = &actions.Repository{Owner: owner, Name: "hello", DefaultBranch: "main", CreatedAt: b.at, UpdatedAt: b.at}
	b.must(st.CreateRepository(ctx, b.repo))
	b.must(st.Update(ctx, func(tx *store.Tx) error {
		w := &actions.Workflow{RepoID: b.repo.ID, Path: ".github/workflows/ci.yml", Name: "CI", State: actions.Active, CreatedAt: b.at, UpdatedAt: b.at}
		if err := tx.SaveWorkflow(ctx, w); err != nil {
			return err
		}
		b.run = &actions.Run{
			RepoID: b.repo.ID, WorkflowID: w.ID, Name: "CI", Path: w.Path, Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
			Actor: owner, Triggering: owner, Attempt: 1, Status: actions.Queued, CreatedAt: b.at, StartedAt: b.at, UpdatedAt: b.at,
		}
		a := &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: owner, Status: actions.Queued, StartedAt: b.at}
		return tx.CreateRun(ctx, b.run, a, &actions.RunSource{})
	}))
	return b
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// job adds a queued job and wakes the queue as the scheduler does.
func (b *bench) job(labels ...string) *actions.Job {
	b.t.Helper()
	j := &actions.Job{
		RunID: b.run.ID, RepoID: b.repo.ID, OwnerID: b.repo.Owner.ID, Attempt: 1, GUID: uuid.NewString(), Key: "build", Total: 1,
		Name: "build", Labels: labels, Status: actions.Queued, CreatedAt: b.now(),
	}
	b.must(b.st.Update(b.t.Context(), func(tx *store.Tx) error {
		tx.After(func() {
			b.Wake(&store.Waiting{ID: j.ID, GUID: j.GUID, Labels: j.Labels, Work: actions.WorkOf(b.repo, b.run)})
		})
		return tx.CreateJobs(b.t.Context(), []*actions.Job{j})
	}))
	return j
}

func (b *bench) runner(sc actions.Scope, labels ...string) *actions.Runner {
	b.t.Helper()
	r := &actions.Runner{Scope: sc, Name: "r-" + uuid.NewString()[:8], ClientID: uuid.NewString(), PublicKey: []byte{1}, CreatedAt: b.now()}
	for _, l := range labels {
		r.Labels = append(r.Labels, actions.Label{Name: l})
	}
	b.must(b.st.CreateRunner(b.t.Context(), r))
	return r
}

func (b *bench) acquire(j *actions.Job, r *actions.Runner) error {
	_, err := b.Acquire(b.t.Context(), j.GUID, r, func(*store.Tx, *actions.Job) error { return nil })
	return err
}

// offered is the job that r is offered at once, 0 for none.
func (b *bench) offered(r *actions.Runner) int64 {
	b.t.Helper()
	return b.offeredWithin(r, time.Minute)
}

// offeredSoon is for runners that should be offered nothing.
func (b *bench) offeredSoon(r *actions.Runner) int64 {
	b.t.Helper()
	return b.offeredWithin(r, 100*time.Millisecond)
}

func (b *bench) offeredWithin(r *actions.Runner, d time.Duration) int64 {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), d)
	defer cancel()
	m, err := b.Message(ctx, r, true)
	b.must(err)
	if m == nil {
		return 0
	}
	return m.Offer.ID
}

func TestSecondRunnerDoesNotGetTheJob(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		job, one, two := b.job("linux"), b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{}, "linux")
		b.must(b.acquire(job, one))
		if err := b.acquire(job, two); actions.KindOf(err) != actions.Conflict {
			t.Errorf("second runner: %v, want a conflict", err)
		}
		if err := b.acquire(job, one); err != nil {
			t.Errorf("the holder asks again: %v, want the same answer", err)
		}
		run, err := st.Run(t.Context(), b.run.ID)
		if err != nil || run.Status != actions.InProgress {
			t.Errorf("run is %s (%v), want in_progress", run.Status, err)
		}
	})
}

func TestOneOfFiftyRunnersAcquiresTheJob(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		job := b.job("linux")
		var wg sync.WaitGroup
		results := make([]error, 50)
		for i := range results {
			r := b.runner(actions.Scope{}, "linux")
			wg.Go(func() { results[i] = b.acquire(job, r) })
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else if actions.KindOf(err) != actions.Conflict {
				t.Errorf("loser got %v, want a conflict", err)
			}
		}
		if won != 1 {
			t.Errorf("%d runners have the job, want 1", won)
		}
	})
}

func TestAWaitingRunnerIsWokenByAJob(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	r := b.runner(actions.Scope{}, "self-hosted", "Linux")
	got := make(chan *queue.Message, 1)
	go func() {
		m, err := b.Message(t.Context(), r, true)
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	job := b.job("linux") // whether or not the runner waits already, it gets it
	select {
	case m := <-got:
		if m == nil || m.Offer.ID != job.ID {
			t.Errorf("got %+v, want job %d", m, job.ID)
		}
	case <-time.After(4 * time.Second): // less than the time between two looks
		t.Error("the runner was not woken")
	}
}

func TestAnOfferIsForOneRunnerUntilItLapses(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	job, one, two := b.job("linux"), b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{}, "linux")
	if got := b.offered(one); got != job.ID {
		t.Fatalf("first runner is offered %d, want %d", got, job.ID)
	}
	if got := b.offeredSoon(two); got != 0 {
		t.Errorf("second runner is offered %d while the first may still take it", got)
	}
	if got := b.offered(one); got != job.ID {
		t.Errorf("the first runner asks again and is offered %d, want %d: the answer may have been lost", got, job.ID)
	}
	b.pass(11 * time.Second)
	if got := b.offered(two); got != job.ID {
		t.Errorf("after the offer lapsed the second runner is offered %d, want %d", got, job.ID)
	}
	if b.Acknowledge(one.ID, job.GUID) {
		t.Error("the first runner acknowledged an offer that is not its own any more")
	}
}

func TestAnAcknowledgedOfferHasTimeToBeAcquired(t *testing.T) { // SES-4
	b := newBench(t, storetest.Open(t))
	job, one, two := b.job("linux"), b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{}, "linux")
	b.offered(one)
	if !b.Acknowledge(one.ID, job.GUID) {
		t.Fatal("acknowledge refused")
	}
	b.pass(time.Minute)
	if got := b.offeredSoon(two); got != 0 {
		t.Errorf("second runner is offered %d within the time to acquire", got)
	}
	b.Release(one.ID) // a new session of the first
	if got := b.offered(two); got != job.ID {
		t.Errorf("after the first started anew the second is offered %d, want %d", got, job.ID)
	}
}

func TestWhatARunnerGivesBackIsOfferedToOneThatWaitsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, storetest.Open(t))
		job, one, two := b.job("linux"), b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{}, "linux")
		if got := b.offered(one); got != job.ID {
			t.Fatalf("offered %d, want %d", got, job.ID)
		}
		waiting := make(chan *queue.Message, 1)
		go func() {
			m, err := b.Message(t.Context(), two, true)
			if err != nil {
				t.Error(err)
			}
			waiting <- m
		}()
		synctest.Wait()
		before := time.Now()
		b.Release(one.ID)
		if m := <-waiting; m == nil || m.Offer.ID != job.ID || time.Since(before) != 0 {
			t.Errorf("told %+v after %s, want an offer of job %d at once", m, time.Since(before), job.ID)
		}
	})
}

func TestRunnersGetOnlyJobsOfTheirScopeAndLabels(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		other := &actions.Repository{Owner: b.repo.Owner, Name: "other", DefaultBranch: "main", CreatedAt: b.at, UpdatedAt: b.at}
		b.must(st.CreateRepository(t.Context(), other))
		job := b.job("linux", "gpu")
		for _, test := range []struct {
			name   string
			runner *actions.Runner
			want   int64
		}{
			{"lacks a label", b.runner(actions.Scope{}, "linux"), 0},
			{"another repository's", b.runner(actions.Scope{RepoID: other.ID}, "linux", "gpu"), 0},
			{"another owner's", b.runner(actions.Scope{OwnerID: b.repo.Owner.ID + 1000}, "linux", "gpu"), 0},
		} {
			offered := b.offered
			if test.want == 0 {
				offered = b.offeredSoon
			}
			if got := offered(test.runner); got != test.want {
				t.Errorf("%s: offered %d, want %d", test.name, got, test.want)
			}
			if err := b.acquire(job, test.runner); actions.KindOf(err) != actions.NotFound {
				t.Errorf("%s: acquire by guessing: %v, want not found", test.name, err)
			}
		}
		for _, sc := range []actions.Scope{{}, {OwnerID: b.repo.Owner.ID}, {RepoID: b.repo.ID}} {
			r := b.runner(sc, "GPU", "Linux", "extra")
			if got := b.offered(r); got != job.ID {
				t.Errorf("scope %+v: offered %d, want %d", sc, got, job.ID)
			}
			b.Release(r.ID)
		}
	})
}

func TestJobsThatNobodyTakesDoNotHideOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.must(st.Update(t.Context(), func(tx *store.Tx) error {
			for i := range 300 {
				j := &actions.Job{
					RunID: b.run.ID, RepoID: b.repo.ID, OwnerID: b.repo.Owner.ID, Attempt: 1, GUID: uuid.NewString(), Key: "x", Index: i, Total: 300,
					Labels: []string{fmt.Sprintf("nobody-%d", i%3)}, Status: actions.Queued, CreatedAt: b.at,
				}
				if err := tx.CreateJobs(t.Context(), []*actions.Job{j}); err != nil {
					return err
				}
			}
			return nil
		}))
		job := b.job("linux")
		if got := b.offered(b.runner(actions.Scope{}, "linux")); got != job.ID {
			t.Errorf("offered %d, want %d", got, job.ID)
		}
	})
}

func TestABusyRunnerHearsOfTheCancellationOfItsJob(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	job, r := b.job("linux"), b.runner(actions.Scope{}, "linux")
	b.must(b.acquire(job, r))
	b.pass(5 * time.Second)
	got := make(chan *queue.Message, 1)
	go func() {
		m, err := b.Message(t.Context(), r, false)
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	ctx := t.Context()
	b.must(b.st.Update(ctx, func(tx *store.Tx) error {
		j, err := tx.Job(ctx, job.ID)
		if err != nil {
			return err
		}
		j.CancelAt = b.now()
		tx.After(func() { b.Cancel(j) })
		return tx.UpdateJob(ctx, j)
	}))
	select {
	case m := <-got:
		if m == nil || m.Cancel == nil || m.Cancel.ID != job.ID {
			t.Errorf("got %+v, want the cancellation of job %d", m, job.ID)
		}
	case <-time.After(4 * time.Second):
		t.Error("the runner was not told")
	}
}

func TestAJobIsRenewedUntilShortlyAfterItsEnd(t *testing.T) { // JOB-3
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		job, r := b.job("linux"), b.runner(actions.Scope{}, "linux")
		b.must(b.acquire(job, r))
		renewed := func(when string, j *actions.Job, want time.Time) {
			t.Helper()
			if until, err := b.Renew(t.Context(), j); err != nil || !until.Equal(want) {
				t.Errorf("%s: until %v, %v; want %v", when, until, err, want)
			}
		}
		renewed("in progress", job, b.now().Add(lease))
		ended := b.end(job, actions.Success)
		for when, j := range map[string]*actions.Job{"read before the end": job, "read after it": ended} {
			renewed(when, j, b.now().Add(queue.AfterEnd))
		}
		b.pass(queue.AfterEnd)
		if _, err := b.Renew(t.Context(), ended); actions.KindOf(err) != actions.NotFound {
			t.Errorf("later: %v, want not found", err)
		}
	})
}

// A database that is slow, or that hangs for a while, does not cost the runner the
// time for which its renewal has waited.
func TestARenewalThatWaitedIsForAWholeLease(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	job := b.job("linux")
	b.must(b.acquire(job, b.runner(actions.Scope{}, "linux")))
	busy, free, renewed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		err := b.st.Update(t.Context(), func(*store.Tx) error {
			close(busy)
			<-free
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}()
	<-busy
	go func() {
		defer close(renewed)
		until, err := b.Renew(t.Context(), job)
		if want := b.now().Add(lease); err != nil || !until.Equal(want) {
			t.Errorf("renewed until %v, %v; want %v", until, err, want)
		}
	}()
	select {
	case <-renewed:
		t.Fatal("the renewal has not waited")
	case <-time.After(50 * time.Millisecond): // if it has not come so far, this test shows nothing
	}
	b.pass(2 * lease)
	close(free)
	<-renewed
}

func TestACancelledJobIsNotRenewedAfterItsEnd(t *testing.T) { // JOB-3
	b := newBench(t, storetest.Open(t))
	job := b.job("linux")
	b.must(b.acquire(job, b.runner(actions.Scope{}, "linux")))
	job.CancelAt = b.now()
	b.end(job, actions.Cancelled)
	if _, err := b.Renew(t.Context(), job); actions.KindOf(err) != actions.NotFound {
		t.Errorf("renewal: %v, want not found, which stops the runner", err)
	}
}

// end concludes a job that is in progress, and returns it as it is then.
func (b *bench) end(job *actions.Job, c actions.Conclusion) (j *actions.Job) {
	b.t.Helper()
	ctx := b.t.Context()
	b.must(b.st.Update(ctx, func(tx *store.Tx) (err error) {
		if j, err = tx.Job(ctx, job.ID); err != nil {
			return err
		}
		j.CancelAt = job.CancelAt
		j.Complete(c, b.now())
		return tx.UpdateJob(ctx, j)
	}))
	return j
}

// Seen with many runners: the database was read before another runner acquired
// the job, and offered after it.
func TestAJobThatWasJustAcquiredIsOfferedToNobody(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	job, one, two := b.job("linux"), b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{}, "linux")
	stale := &store.Waiting{ID: job.ID, GUID: job.GUID, Labels: job.Labels, Work: actions.WorkOf(b.repo, b.run)}
	b.must(b.acquire(job, one))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	got := make(chan *queue.Message, 1)
	go func() {
		m, err := b.Message(ctx, two, true)
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	for ctx.Err() == nil {
		b.Wake(stale)
		runtime.Gosched()
	}
	if m := <-got; m != nil {
		t.Errorf("the second runner is offered job %d, which the first holds", m.Offer.ID)
	}
}

// The runner asks for its job again while the job ends.
func TestAJobThatEndsHasNoTokenLater(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		job, r := b.job("linux"), b.runner(actions.Scope{}, "linux")
		b.must(b.acquire(job, r))
		token := &actions.Token{AccountID: b.repo.Owner.ID, Hash: []byte("hash"), RepoID: b.repo.ID, JobID: job.ID, CreatedAt: b.now()}
		ended := make(chan error, 1)
		end := func() {
			ended <- st.UpdateRows(t.Context(), func(tx *store.Tx) error {
				over := *job
				over.Complete(actions.Success, b.now())
				if ok, err := tx.EndJob(t.Context(), &over, actions.InProgress, time.Time{}); err != nil || !ok {
					return fmt.Errorf("not ended: %w", err)
				}
				return tx.DeleteJobTokens(t.Context(), job.ID)
			})
		}
		var once sync.Once
		_, err := b.Acquire(t.Context(), job.GUID, r, func(tx *store.Tx, _ *actions.Job) error {
			once.Do(func() {
				go end()
				select {
				case err := <-ended: // it may not have waited
					ended <- err
				case <-time.After(200 * time.Millisecond):
				}
			})
			return tx.SaveJobToken(t.Context(), token)
		})
		if err != nil && actions.KindOf(err) != actions.Invalid {
			t.Errorf("acquired again: %v, want no error, or that the job is completed", err)
		}
		b.must(<-ended)
		if _, err := st.TokenByHash(t.Context(), token.Hash); actions.KindOf(err) != actions.NotFound {
			t.Errorf("the token of a job that is over: %v, want none", err)
		}
	})
}
