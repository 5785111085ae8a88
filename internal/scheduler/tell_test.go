package scheduler_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const oneJob = `
on: push
jobs:
  a: {runs-on: x, steps: [{run: exit 0}]}
`

func TestTheOfferOfAJobThatIsOverIsWithdrawn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(oneJob)
		m, err := b.queue.Message(t.Context(), b.runner, true)
		b.must(err)
		b.must(b.Cancel(t.Context(), run.ID, false))
		if b.queue.Acknowledge(b.runner.ID, m.Offer.GUID) {
			t.Error("the runner may still acquire a job that was cancelled")
		}
	})
}

// Nothing but the scheduler tells the runner here: no other server, no check.
func TestEachJobThatIsReadyIsOfferedToARunnerThatWaits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		for range 5 { // sometimes the runner comes after the job, and finds it
			offered := make(chan string, 1)
			go func() {
				m, err := b.queue.Message(t.Context(), b.runner, true)
				if err != nil || m == nil {
					t.Errorf("message %v, %v, want a job", m, err)
					m = &queue.Message{Offer: &store.Waiting{}}
				}
				offered <- m.Offer.GUID
			}()
			run := b.start(oneJob)
			select {
			case guid := <-offered:
				if want := b.job(run, "a").GUID; guid != want {
					t.Fatalf("job %s was offered, want %s", guid, want)
				}
			case <-time.After(time.Minute):
				t.Fatal("the runner waits, and the job too")
			}
			b.end(run, "a", actions.Success, nil)
		}
	})
}

// The job's lease lapses. The runner renews it when the watchdog has read the job
// already, and has not yet ended it.
func TestARenewalThatComesBeforeTheEndKeepsTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, storetest.Open(t))
		var job *actions.Job
		var since atomic.Int32 // looks at the clock since the lease lapsed
		log := slog.New(slog.DiscardHandler)
		b.queue = queue.New(b.st, log, lease, time.Now, queue.Rules{})
		b.Scheduler = scheduler.New(scheduler.Config{
			Store: b.st, Queue: b.queue, Sources: source.New(b.st), Log: log, NewID: uuid.NewString, Lease: lease,
			Now: func() time.Time {
				if job != nil && time.Now().After(job.LockedUntil) && since.Add(1) == 2 {
					_, err := b.queue.Renew(t.Context(), job)
					b.must(err)
				}
				return time.Now()
			},
		})
		run := b.start(oneJob)
		job = b.acquire(run, "a")
		defer b.loop()()
		time.Sleep(lease + lease/2)
		if since.Load() < 2 {
			t.Fatal("the watchdog has not seen that the lease lapsed")
		}
		b.want(run, actions.InProgress, "", "a in_progress")
		time.Sleep(lease)
		b.want(run, actions.Completed, actions.Failure, "a completed failure")
	})
}

// One that is asked to stop and one whose job is ended both hear of it at once.
func TestARunnerThatWaitsHearsOfTheCancellation(t *testing.T) { // CAN-1, CAN-5
	for _, force := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, storetest.Open(t))
			run := b.start(oneJob)
			job := b.acquire(run, "a")
			told := make(chan *queue.Message, 1)
			go func() {
				m, err := b.queue.Message(t.Context(), b.runner, false)
				if err != nil {
					t.Error(err)
				}
				told <- m
			}()
			synctest.Wait()
			time.Sleep(time.Minute) // it waits for long
			b.must(b.Cancel(t.Context(), run.ID, force))
			synctest.Wait()
			select {
			case m := <-told:
				if m == nil || m.Cancel == nil || m.Cancel.ID != job.ID {
					t.Errorf("force %v: the runner was told %+v, want to cancel job %d", force, m, job.ID)
				}
			default:
				t.Errorf("force %v: the runner was not told", force)
			}
		})
	}
}
