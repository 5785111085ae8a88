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

// A lease is measured by the clock of the wall: while a process is frozen, or its
// machine sleeps, that goes on, and nobody hears the renewals.
func TestAfterAFreezeEveryLeaseGetsAFullPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, storetest.Open(t))
		var frozen atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(frozen.Load())) }
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		b.queue = queue.New(b.st, log, lease, now, queue.Rules{})
		b.Scheduler = scheduler.New(scheduler.Config{
			Store: b.st, Queue: b.queue, Sources: source.New(b.st), Log: log, Now: now, NewID: uuid.NewString, Lease: lease,
		})
		run := b.start(chain)
		b.acquire(run, "a")
		defer b.loop()()
		for range 3 {
			time.Sleep(lease / 2)
			frozen.Add(int64(2 * lease))
		}
		time.Sleep(lease - 10*time.Second)
		b.want(run, actions.InProgress, "", "a in_progress")
		time.Sleep(30 * time.Second) // and the runner has not come back
		b.want(run, actions.Completed, actions.Failure, "a completed failure", "b completed skipped", "c completed skipped")
	})
}

func TestAfterAnOutageOfTheDatabaseEveryLeaseGetsAFullPeriod(t *testing.T) {
	watched(t, func(b *bench) {
		run := b.start(chain)
		b.acquire(run, "a")
		for range 10 {
			time.Sleep(lease / 2)
			err := b.st.Update(b.t.Context(), func(*store.Tx) error {
				return actions.Errorf(actions.Unavailable, "the database has no space left")
			})
			if err == nil {
				b.t.Fatal("a transaction that failed is committed")
			}
		}
		time.Sleep(lease - 10*time.Second)
		b.want(run, actions.InProgress, "", "a in_progress")
		time.Sleep(30 * time.Second)
		b.want(run, actions.Completed, actions.Failure, "a completed failure", "b completed skipped", "c completed skipped")
	})
}

// On each engine, in real time: the others are on one only.
func TestTheJobOfASilentRunnerEndsOnEachEngine(t *testing.T) { // STA-5
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		const short = 300 * time.Millisecond
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		b.queue = queue.New(st, log, short, time.Now, queue.Rules{})
		b.Scheduler = scheduler.New(scheduler.Config{
			Store: st, Queue: b.queue, Sources: source.New(st), Log: log, Now: time.Now, NewID: uuid.NewString, Lease: short,
		})
		run := b.start(oneJob)
		b.acquire(run, "a")
		defer b.loop()()
		for deadline := time.Now().Add(time.Minute); b.job(run, "a").Status != actions.Completed; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the job does not end")
			}
		}
		b.want(run, actions.Completed, actions.Failure, "a completed failure")
	})
}
