package queue_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestARetiredRunnerGetsNoFurtherJob(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	old, other := b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{}, "linux")
	held := b.job("linux")
	b.must(b.acquire(held, old))
	offered := b.job("linux")
	if got := b.offered(old); got != offered.ID {
		t.Fatalf("offered %d, want %d", got, offered.ID)
	}
	b.Retire(old.ID)
	if got := b.offered(other); got != offered.ID {
		t.Errorf("another runner is offered %d, want %d, which nobody keeps any more", got, offered.ID)
	}
	if err := b.acquire(held, old); err != nil {
		t.Errorf("it asks again for the job that it has: %v", err)
	}
	held.RunnerID = old.ID
	held.Complete(actions.Success, b.now())
	b.must(b.st.Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateJob(t.Context(), held) }))
	if err := b.acquire(offered, old); actions.KindOf(err) != actions.Conflict {
		t.Errorf("it acquires a job that it was offered before: %v, want a conflict", err)
	}
	b.must(b.acquire(offered, other))
	next := b.job("linux")
	if got := b.offeredSoon(old); got != 0 {
		t.Errorf("it looks for a job and is offered %d", got)
	}
	b.Readmit(old.ID)
	if got := b.offered(old); got != next.ID {
		t.Errorf("once it is admitted again it is offered %d, want %d", got, next.ID)
	}
}

func TestARetiredRunnerIsNotWoken(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	r := b.runner(actions.Scope{}, "linux")
	got := make(chan *queue.Message, 1)
	go func() {
		m, err := b.Message(t.Context(), r, true)
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	await(t, b.Idle, 1)
	b.Retire(r.ID)
	job := b.job("linux")
	if to := b.offered(b.runner(actions.Scope{}, "linux")); to != job.ID {
		t.Errorf("another runner is offered %d, want %d", to, job.ID)
	}
	if len(got) > 0 {
		t.Errorf("it got %+v", <-got)
	}
}
