package queue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// fill adds n jobs at once; labels says what number i asks for.
func (b *bench) fill(n int, group string, labels func(i int) []string) {
	b.t.Helper()
	b.must(b.st.Update(b.t.Context(), func(tx *store.Tx) error {
		for i := range n {
			j := &actions.Job{
				RunID: b.run.ID, RepoID: b.repo.ID, OwnerID: b.repo.Owner.ID, Attempt: 1, GUID: uuid.NewString(), Key: "x", Index: i, Total: n,
				Labels: labels(i), Group: group, Status: actions.Queued, CreatedAt: b.now(), QueuedAt: b.now(),
			}
			if err := tx.CreateJobs(b.t.Context(), []*actions.Job{j}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestJobsOfAGroupThatIsNotThereWait(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.fill(3, "gpu", func(int) []string { return []string{"linux"} })
		b.fill(3, "gpu", func(int) []string { return nil })
		r := b.runner(actions.Scope{}, "linux")
		if got := b.offeredSoon(r); got != 0 {
			t.Errorf("offered job %d of another group", got)
		}
		jobs, err := st.Jobs(t.Context(), b.run.ID, 1)
		b.must(err)
		for _, j := range jobs {
			if err := b.acquire(j, r); actions.KindOf(err) != actions.NotFound {
				t.Errorf("acquire by guessing: %v, want not found", err)
			}
		}
		b.Wake(&store.Waiting{ID: jobs[0].ID, GUID: jobs[0].GUID, Group: "gpu", Labels: jobs[0].Labels, Work: actions.WorkOf(b.repo, b.run)})
		if got := b.offeredSoon(r); got != 0 {
			t.Errorf("woken by job %d of another group", got)
		}
		b.fill(1, "default", func(int) []string { return []string{"linux"} })
		b.st.Publish(store.ReadyTopic(jobs[len(jobs)-1].ID + 1)) // as another server, which has made it
		if got := b.offered(r); got == 0 {
			t.Error("a job that names the default group is offered to nobody")
		}
	})
}

func TestAJobWithNewLabelsIsSeenAtOnce(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	r := b.runner(actions.Scope{}, "linux", "gpu")
	if got := b.offeredSoon(r); got != 0 { // the list of label sets is fresh, and empty
		t.Fatalf("offered %d of nothing", got)
	}
	first := b.job("linux")
	if got := b.offered(r); got != first.ID {
		t.Fatalf("offered %d, want %d", got, first.ID)
	}
	b.must(b.acquire(first, r))
	second, other := b.job("gpu"), b.runner(actions.Scope{}, "linux", "gpu")
	if got := b.offered(other); got != second.ID {
		t.Errorf("offered %d, want %d, whose labels nobody asked for before", got, second.ID)
	}
}

func TestARunnerThatAsksAnewEndsItsOldPoll(t *testing.T) {
	for _, idle := range []bool{true, false} {
		b := newBench(t, storetest.Open(t))
		r := b.runner(actions.Scope{}, "linux")
		ended := make(chan *queue.Message)
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			go func() {
				m, err := b.Message(ctx, r, idle)
				if err != nil {
					t.Error(err)
				}
				ended <- m
			}()
		}
		select {
		case m := <-ended: // one of the two, and the other one waits
			if m != nil {
				t.Errorf("idle %v: the old poll got %+v", idle, m)
			}
		case <-time.After(4 * time.Second):
			t.Errorf("idle %v: the old poll still waits", idle)
		}
		if idle {
			job := b.job("linux")
			if m := <-ended; m == nil || m.Offer.ID != job.ID {
				t.Errorf("the new poll got %+v, want job %d", m, job.ID)
			}
		}
		cancel()
		if !idle {
			<-ended
		}
	}
}

func TestABusyRunnerHearsThatItsJobWasEnded(t *testing.T) { // CAN-5
	b := newBench(t, storetest.Open(t))
	job, r := b.job("linux"), b.runner(actions.Scope{}, "linux")
	b.must(b.acquire(job, r))
	got := make(chan *queue.Message, 1)
	go func() {
		m, err := b.Message(t.Context(), r, false)
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	job.RunnerID = r.ID
	job.Complete(actions.Cancelled, b.now())
	for {
		b.Cancel(job) // until it waits
		select {
		case m := <-got:
			if m == nil || m.Cancel == nil || m.Cancel.ID != job.ID {
				t.Errorf("got %+v, want the end of job %d", m, job.ID)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// BenchmarkPick is a look of an idle runner at a queue in which nothing is for it.
func BenchmarkPick(b *testing.B) {
	const jobs = 5000
	for _, test := range []struct {
		name   string
		labels func(i int) []string
	}{
		{"empty", nil},
		{"unmatched", func(int) []string { return []string{"self-hosted", "windows"} }},
		{"unmatched, each with labels of its own", func(i int) []string { return []string{"self-hosted", fmt.Sprint("label-", i)} }},
	} {
		b.Run(test.name, func(b *testing.B) {
			q := newBench(b, storetest.Open(b))
			if test.labels != nil {
				q.fill(jobs, "", test.labels)
			}
			r := q.runner(actions.Scope{}, "self-hosted", "Linux", "X64", "docker")
			for b.Loop() {
				if m, err := q.Look(b.Context(), r); m != nil || err != nil {
					b.Fatal(m, err)
				}
				q.pass(10 * time.Millisecond) // as 500 runners look
			}
		})
	}
}
