package queue_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// guarded makes the queue of a bench one whose shared runners work for public
// repositories while it says so.
func guarded(b *bench) *atomic.Bool {
	public := new(atomic.Bool)
	b.Queue = queue.New(b.st, slog.New(slog.NewTextHandler(b.t.Output(), nil)), lease, b.now, queue.Rules{Access: func(_ context.Context, r *actions.Runner) (*actions.Access, error) {
		return &actions.Access{GroupID: actions.DefaultGroupID, Scope: r.Scope, Name: actions.DefaultGroup, Public: r.Scope.RepoID != 0 || public.Load()}, nil
	}})
	return public
}

// publish makes the repository private or public.
func (b *bench) publish(private bool) {
	b.t.Helper()
	b.repo.Private = private
	b.must(b.st.Update(b.t.Context(), func(tx *store.Tx) error { return tx.UpdateRepository(b.t.Context(), b.repo) }))
}

func TestARunnerWhoseGroupAllowsNoPublicRepositoryGetsNoneOfTheirJobs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		public := guarded(b)
		site, org, own := b.runner(actions.Scope{}, "linux"), b.runner(actions.Scope{OwnerID: b.repo.Owner.ID}, "linux"), b.runner(actions.Scope{RepoID: b.repo.ID}, "linux")
		job := b.job("linux")
		for name, r := range map[string]*actions.Runner{"the site": site, "the owner": org} {
			if got := b.offeredSoon(r); got != 0 {
				t.Errorf("a runner of %s is offered job %d", name, got)
			}
			if err := b.acquire(job, r); actions.KindOf(err) != actions.Invalid {
				t.Errorf("a runner of %s acquires it: %v, want a refusal", name, err)
			}
		}
		if got := b.offered(own); got != job.ID {
			t.Errorf("a runner of the repository is offered %d, want %d", got, job.ID)
		}
		b.must(b.acquire(job, own))
		b.publish(true)
		private := b.job("linux")
		if got := b.offered(site); got != private.ID {
			t.Errorf("of a private repository it is offered %d, want %d", got, private.ID)
		}
		b.publish(false)
		if err := b.acquire(private, site); actions.KindOf(err) != actions.Invalid {
			t.Errorf("acquired when it is public by then: %v, want a refusal", err)
		}
		public.Store(true)
		b.must(b.acquire(private, site))
		public.Store(false)
		b.must(b.acquire(private, site)) // it asks again, and has the job
	})
}

func TestAWaitingRunnerHearsThatItsGroupAllowsPublicRepositories(t *testing.T) {
	for name, topic := range map[string]store.Topic{"it is set": store.SettingsTopic(), "an account is gone": store.AccessTopic()} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, storetest.Open(t))
			public := guarded(b)
			loop(t, b.Queue)
			got := told(t, b.Queue, b.runner(actions.Scope{}, "linux"), true)
			await(t, b.Idle, 1)
			job := b.job("linux")
			b.st.Publish(topic) // nothing that concerns the group
			select {
			case m := <-got:
				t.Fatalf("told %+v while it is not allowed", m)
			case <-time.After(100 * time.Millisecond):
			}
			public.Store(true)
			b.st.Publish(topic)
			select {
			case m := <-got:
				if m == nil || m.Offer == nil || m.Offer.ID != job.ID {
					t.Errorf("told %+v, want an offer of job %d", m, job.ID)
				}
			case <-time.After(20 * time.Second):
				t.Error("the runner was not told")
			}
		})
	}
}

func TestAWaitingRunnerIsOfferedNoPublicJobOnceThatIsForbidden(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	public := guarded(b)
	public.Store(true)
	loop(t, b.Queue)
	site := told(t, b.Queue, b.runner(actions.Scope{}, "linux"), true)
	await(t, b.Idle, 1)
	public.Store(false)
	b.st.Publish(store.SettingsTopic())
	await(t, b.Private, 1)
	own := told(t, b.Queue, b.runner(actions.Scope{RepoID: b.repo.ID}, "linux"), true)
	await(t, b.Idle, 2)
	job := b.job("linux")
	select {
	case m := <-own:
		if m == nil || m.Offer == nil || m.Offer.ID != job.ID {
			t.Errorf("told %+v, want an offer of job %d", m, job.ID)
		}
	case m := <-site:
		t.Errorf("the runner of the site is told %+v", m)
	case <-time.After(20 * time.Second):
		t.Error("nobody was told")
	}
}

func TestAWaitingRunnerGetsTheJobOnceItsRepositoryIsPrivate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		guarded(b)
		loop(t, b.Queue)
		got := told(t, b.Queue, b.runner(actions.Scope{}, "linux"), true)
		await(t, b.Idle, 1)
		job := b.job("linux")
		b.publish(true)
		select {
		case m := <-got:
			if m == nil || m.Offer == nil || m.Offer.ID != job.ID {
				t.Errorf("told %+v, want an offer of job %d", m, job.ID)
			}
		case <-time.After(20 * time.Second):
			t.Error("the runner was not told")
		}
	})
}

// Somebody has any number of jobs of public repositories wait.
func TestPublicJobsThatNobodyMayTakeDoNotHideThoseOfPrivateRepositories(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		guarded(b)
		for range 50 {
			b.job("linux")
		}
		mona := *b.repo
		mona.ID, mona.Name, mona.Private = 0, "mine", true
		b.must(st.CreateRepository(t.Context(), &mona))
		b.repo = &mona
		first, second := b.job("linux"), b.job("linux")
		for _, want := range []*actions.Job{first, second} {
			if got := b.offeredSoon(b.runner(actions.Scope{}, "linux")); got != want.ID {
				t.Errorf("offered %d, want %d", got, want.ID)
			}
		}
	})
}
