package scheduler_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// wide has n jobs that one other needs.
func wide(n int) string {
	return "on: push\njobs:\n  a:\n    runs-on: x\n    strategy: {fail-fast: false, matrix: {v: [" + strings.TrimSuffix(strings.Repeat("1, ", n), ", ") + "]}}\n" +
		"    steps: [{run: exit 0}]\n  z: {needs: a, if: always(), runs-on: x, steps: [{run: exit 0}]}\n"
}

// acquireAll lets one runner each take the jobs of a run.
func (b *bench) acquireAll(run *actions.Run) []*actions.Job {
	b.t.Helper()
	list, err := b.st.Jobs(b.t.Context(), run.ID, 1)
	b.must(err)
	for i, j := range list {
		list[i], err = b.queue.Acquire(b.t.Context(), j.GUID, b.addRunner(fmt.Sprint("wide", i), false), func(*store.Tx, *actions.Job) error { return nil })
		b.must(err)
	}
	return list
}

func (b *bench) revision(run *actions.Run) int64 {
	b.t.Helper()
	r, err := b.st.Run(b.t.Context(), run.ID)
	b.must(err)
	return r.Revision
}

func TestJobsThatEndTogetherArePlannedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 16
		b := newBench(t, storetest.Open(t))
		run := b.start(wide(n))
		jobs := b.acquireAll(run)
		before := b.revision(run)
		var wg sync.WaitGroup
		b.must(b.st.Update(t.Context(), func(*store.Tx) error { // nobody else writes
			for _, j := range jobs {
				wg.Go(func() {
					if err := b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Success}); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			return nil
		}))
		wg.Wait()
		if got := b.revision(run) - before; got > 2 {
			t.Errorf("%d transactions for %d jobs, want one for those who are there, and one for those who waited meanwhile", got, n)
		}
		b.end(run, "z", actions.Success, nil)
		if r, err := b.st.Run(t.Context(), run.ID); err != nil || r.Conclusion != actions.Success {
			t.Errorf("run concluded %q, %v", r.Conclusion, err)
		}
	})
}

func TestAChangeThatWaitsCanBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, storetest.Open(t))
		run := b.start(wide(2))
		jobs := b.acquireAll(run)
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		b.must(b.st.Update(t.Context(), func(*store.Tx) error {
			go func() { errs <- b.Complete(t.Context(), jobs[0], &scheduler.Result{Conclusion: actions.Success}) }()
			synctest.Wait()
			go func() { errs <- b.Complete(ctx, jobs[1], &scheduler.Result{Conclusion: actions.Success}) }()
			synctest.Wait()
			cancel()
			if err := <-errs; err == nil {
				t.Error("the one who gave up is told that its job ended")
			}
			return nil
		}))
		b.must(<-errs)
		b.want(run, actions.InProgress, "", "a (1) completed success", "a (1) in_progress")
	})
}

// No store keeps every text: PostgreSQL refuses a NUL.
func TestAChangeThatCannotBeWrittenDoesNotTakeOthersWithIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		const n = 8
		b := newBench(t, st)
		run := b.start(wide(n))
		jobs := b.acquireAll(run)
		var wg sync.WaitGroup
		b.must(st.Update(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.ReviseRun(t.Context(), &actions.Run{ID: run.ID, RepoID: run.RepoID, UpdatedAt: time.Now()}); err != nil {
				return err
			}
			for i, j := range jobs {
				wg.Go(func() {
					res := &scheduler.Result{Conclusion: actions.Success}
					if i%4 == 3 {
						res.Annotations = []*actions.Annotation{{Path: "x", StartLine: 1, EndLine: 1, Level: actions.LevelNotice, Message: "\x00"}}
					}
					if err := b.Complete(t.Context(), j, res); (err != nil) != (i%4 == 3) && i%4 != 3 {
						t.Errorf("job %d: %v", i, err)
					}
				})
			}
			time.Sleep(100 * time.Millisecond) // most stand in line by now
			return nil
		}))
		wg.Wait()
		for i, j := range jobs {
			if s, err := st.JobStatus(t.Context(), j.ID); err != nil || s != actions.Completed && i%4 != 3 {
				t.Errorf("job %d is %s, %v", i, s, err)
			}
		}
	})
}

// another is a second server on the same store.
func (b *bench) another() *bench {
	log := slog.New(slog.DiscardHandler)
	other := *b
	other.queue = queue.New(b.st, log, lease, time.Now, queue.Rules{})
	other.Scheduler = scheduler.New(scheduler.Config{Store: b.st, Queue: other.queue, Sources: source.New(b.st), Log: log, Now: time.Now, NewID: uuid.NewString, Lease: lease})
	return &other
}

func TestServersMayTakeTurnsWithARun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		one := newBench(t, st)
		two := one.another()
		run := one.start(chain)
		two.end(run, "a", actions.Success, map[string]string{"go": "yes"})
		one.end(run, "b", actions.Success, nil)
		two.must(two.Cancel(t.Context(), run.ID, false))
		one.want(run, actions.Completed, actions.Cancelled, "a completed success", "b completed success", "c completed cancelled")
		one.must(one.Rerun(t.Context(), run.ID, one.repo.Owner, false))
		two.end(run, "a", actions.Failure, nil)
		if err := one.Cancel(t.Context(), run.ID, false); actions.KindOf(err) != actions.Conflict {
			t.Errorf("cancel of a run that ended elsewhere: %v, want a conflict", err)
		}
	})
}

func TestServersMayEndJobsOfOneRunTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		const n = 12
		one := newBench(t, st)
		two := one.another()
		run := one.start(wide(n))
		var wg sync.WaitGroup
		for i, j := range one.acquireAll(run) {
			b := []*bench{one, two}[i%2]
			wg.Go(func() {
				if err := b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Success}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		one.end(run, "z", actions.Success, nil)
		if jobs := one.jobs(run); len(jobs) != n+1 {
			t.Errorf("jobs %q, want one z", jobs)
		}
	})
}

func TestThePlanSeesHowTheRepositoryIsNow(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	run := b.start(`
on: push
jobs:
  a: {runs-on: x, steps: [{run: exit 0}]}
  b: {needs: a, name: '${{ github.repository_visibility }}', runs-on: x, steps: [{run: exit 0}]}
  c: {needs: b, name: 'kept for ${{ github.retention_days }} days', runs-on: x, steps: [{run: exit 0}]}
`)
	b.repo.Private = true
	b.must(b.st.Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateRepository(t.Context(), b.repo) }))
	b.end(run, "a", actions.Success, nil)
	b.want(run, actions.InProgress, "", "a completed success", "private queued")
	b.must(settings.New(b.st).Update(t.Context(), settings.Repo(b.repo), settings.Set(settings.RetentionDays, 5)))
	b.end(run, "private", actions.Success, nil)
	b.want(run, actions.InProgress, "", "a completed success", "private completed success", "kept for 5 days queued")
}
