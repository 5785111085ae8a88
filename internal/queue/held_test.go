package queue_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A permit says of which repositories jobs are handed out: all but these.
type permit struct {
	mu   sync.Mutex
	held map[int64]bool
}

func permits(b *bench) *permit {
	p := &permit{held: map[int64]bool{}}
	b.Queue = queue.New(b.st, slog.New(slog.NewTextHandler(b.t.Output(), nil)), lease, b.now, queue.Rules{
		Permits: func(_ context.Context, w *store.Waiting) (shared, own bool, err error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return !p.held[w.RepoID], !p.held[w.RepoID], nil
		},
	})
	return p
}

func (p *permit) hold(id int64, held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[id] = held
}

// in makes the bench one of another repository of the same owner.
func (b *bench) in(name string) *bench {
	b.t.Helper()
	other := &bench{Queue: b.Queue, t: b.t, st: b.st, at: b.now()}
	repo := *b.repo
	repo.Name = name
	other.repo = &repo
	b.must(b.st.CreateRepository(b.t.Context(), other.repo))
	b.must(b.st.Update(b.t.Context(), func(tx *store.Tx) error {
		w := &actions.Workflow{RepoID: repo.ID, Path: ".github/workflows/ci.yml", Name: "CI", State: actions.Active, CreatedAt: b.at, UpdatedAt: b.at}
		if err := tx.SaveWorkflow(b.t.Context(), w); err != nil {
			return err
		}
		run := *b.run
		run.RepoID, run.WorkflowID = repo.ID, w.ID
		other.run = &run
		a := &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: run.Actor, Status: actions.Queued, StartedAt: b.at}
		return tx.CreateRun(b.t.Context(), other.run, a, &actions.RunSource{})
	}))
	return other
}

func TestJobsOfARepositoryThatIsHeldAreNotHandedOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		p := permits(b)
		other := b.in("other")
		site, own := b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{RepoID: b.repo.ID}, "linux")
		p.hold(b.repo.ID, true)
		var jobs []*actions.Job
		for range 30 {
			jobs = append(jobs, b.job("linux"))
		}
		for name, r := range map[string]*actions.Runner{"a shared runner": site, "one of its own": own} {
			if got := b.offeredSoon(r); got != 0 {
				t.Errorf("%s is offered job %d", name, got)
			}
			if err := b.acquire(jobs[0], r); actions.KindOf(err) != actions.Invalid {
				t.Errorf("%s acquires it: %v, want a refusal", name, err)
			}
		}
		elsewhere := other.job("linux")
		if got := b.offered(site); got != elsewhere.ID {
			t.Errorf("it is offered %d behind jobs that are held, want %d", got, elsewhere.ID)
		}
		b.must(b.acquire(elsewhere, site))

		p.hold(b.repo.ID, false)
		if got := b.offered(own); got != jobs[0].ID {
			t.Errorf("when it is not held any more, it is offered %d, want %d", got, jobs[0].ID)
		}
		p.hold(b.repo.ID, true)
		if err := b.acquire(jobs[0], own); actions.KindOf(err) != actions.Invalid {
			t.Errorf("acquired when it is held again: %v, want a refusal", err)
		}
		p.hold(b.repo.ID, false)
		b.must(b.acquire(jobs[0], own))
		p.hold(b.repo.ID, true)
		b.must(b.acquire(jobs[0], own)) // it asks again, and has the job
	})
}

func TestAWaitingRunnerHearsOfJobsThatAreHeldNoMore(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	p := permits(b)
	loop(t, b.Queue)
	p.hold(b.repo.ID, true)
	job := b.job("linux")
	got := told(t, b.Queue, b.runner(actions.Scope{}, "linux"), true)
	await(t, b.Idle, 1)
	p.hold(b.repo.ID, false)
	b.must(b.st.Update(t.Context(), func(tx *store.Tx) error {
		return tx.PublishWaiting(t.Context(), actions.Scope{OwnerID: b.repo.Owner.ID})
	}))
	if m := <-got; m == nil || m.Offer == nil || m.Offer.ID != job.ID {
		t.Errorf("told %+v, want an offer of job %d", m, job.ID)
	}
}
