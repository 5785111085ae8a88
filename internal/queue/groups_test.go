package queue_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// relabel gives a runner labels as another server does: this one hears of it through the
// store alone.
func (b *bench) relabel(r *actions.Runner, labels ...string) {
	b.t.Helper()
	changed := *r
	changed.Labels = nil
	for _, l := range labels {
		changed.Labels = append(changed.Labels, actions.Label{Name: l})
	}
	b.must(b.st.Update(b.t.Context(), func(tx *store.Tx) error { return tx.SetRunnerLabels(b.t.Context(), &changed) }))
}

func TestAWaitingRunnerHearsOfItsNewLabels(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		loop(t, b.Queue)
		job, r := b.job("gpu"), b.runner(actions.Scope{}, "linux")
		got := told(t, b.Queue, r, true)
		await(t, b.Idle, 1)
		b.relabel(r, "linux", "gpu")
		if m := <-got; m == nil || m.Offer.ID != job.ID {
			t.Fatalf("told %+v, want the offer of job %d", m, job.ID)
		}
		b.must(b.acquire(job, r)) // r is as its session began
		lost := b.runner(actions.Scope{}, "gpu")
		b.relabel(lost)
		if err := b.acquire(b.job("gpu"), lost); actions.KindOf(err) != actions.NotFound {
			t.Errorf("a runner that has lost the label acquires the job: %v", err)
		}
	})
}

// To the runner program an error of that kind means that its session is over.
func TestARunnerWhoseGroupIsDeletedMeanwhileIsOfTheDefaultOne(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	ctx, few := t.Context(), &actions.RunnerGroup{Name: "few", Visibility: actions.GroupForAll, CreatedAt: b.now()}
	r := b.runner(actions.Scope{}, "linux")
	b.must(b.st.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateRunnerGroup(ctx, few); err != nil {
			return err
		}
		return tx.AddGroupRunner(ctx, few, r.ID)
	}))
	b.Queue = queue.New(b.st, slog.New(slog.NewTextHandler(t.Output(), nil)), lease, b.now, queue.Rules{Access: func(ctx context.Context, r *actions.Runner) (*actions.Access, error) {
		if r.GroupID == few.ID { // between the read of the runner and that of its group
			b.must(b.st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRunnerGroup(ctx, actions.Scope{}, few.ID) }))
			return nil, actions.Errorf(actions.NotFound, "runner group %d", r.GroupID)
		}
		return &actions.Access{GroupID: r.GroupID, Name: actions.DefaultGroup, Public: true}, nil
	}})
	job := b.job("linux")
	if m, err := b.Message(ctx, r, true); err != nil || m == nil || m.Offer.ID != job.ID {
		t.Fatalf("told %+v, %v, want the offer of job %d", m, err, job.ID)
	}
	b.must(b.acquire(job, r))
}

// A lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestAJobThatItsGroupRefusesGoesToAnotherAtOnceAndTheLogSaysWhy(t *testing.T) {
	b, log := newBench(t, storetest.Open(t)), new(lockedBuffer)
	var mu sync.Mutex
	refuses := make(map[int64]bool) // runners
	b.Queue = queue.New(b.st, slog.New(slog.NewTextHandler(log, nil)), lease, b.now, queue.Rules{Access: func(_ context.Context, r *actions.Runner) (*actions.Access, error) {
		mu.Lock()
		defer mu.Unlock()
		return &actions.Access{GroupID: actions.DefaultGroupID, Name: "few", Public: true, ByRepo: refuses[r.ID]}, nil
	}})
	one, two := b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{}, "linux")
	first := told(t, b.Queue, one, true)
	await(t, b.Idle, 1)
	job := b.job("linux")
	if m := <-first; m == nil || m.Offer.ID != job.ID {
		t.Fatalf("told %+v, want the offer of job %d", m, job.ID)
	}
	second := told(t, b.Queue, two, true)
	await(t, b.Idle, 1)
	mu.Lock()
	refuses[one.ID] = true
	mu.Unlock()
	if err := b.acquire(job, one); actions.KindOf(err) != actions.Invalid || !strings.Contains(err.Error(), "its group few is for selected repositories") {
		t.Errorf("acquired by a runner of a group that refuses: %v", err)
	}
	select {
	case m := <-second:
		if m == nil || m.Offer.ID != job.ID {
			t.Errorf("the other is told %+v, want the offer of job %d", m, job.ID)
		}
	case <-time.After(5 * time.Second): // an offer that is not taken lapses after ten
		t.Fatal("the other runner is not offered the job")
	}
	b.must(b.acquire(job, two))

	third := told(t, b.Queue, one, true)
	await(t, b.Idle, 1)
	b.job("linux")
	if got := log.String(); !strings.Contains(got, "the group of the runners that are idle is not for it") || !strings.Contains(got, "group=few") || !strings.Contains(got, "is for selected repositories, and this is none of them") {
		t.Errorf("the log says %s", got)
	}
	select {
	case m := <-third:
		t.Errorf("a runner of a group that refuses is told %+v", m)
	default:
	}
}
