package trigger_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/trigger"
)

// many is a commit with so many workflows that start at any push.
func (b *bench) many(workflows int) {
	b.t.Helper()
	var files []string
	for i := range workflows {
		files = append(files, fmt.Sprintf("%sw%02d.yml", dir, i), fmt.Sprintf("name: W%02d\non: push\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n", i))
	}
	b.Commit("many", files...)
}

// intend writes down that HEAD is to go to the refs, and moves them.
func (b *bench) intend(refs ...string) *actions.Push {
	b.t.Helper()
	p := &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID}
	for _, ref := range refs {
		p.Updates = append(p.Updates, actions.RefUpdate{Ref: ref, Before: actions.ZeroSHA, After: b.Git("rev-parse", "HEAD")})
	}
	b.must(b.Intend(b.t.Context(), p))
	for _, ref := range refs {
		b.move(ref)
	}
	return p
}

// wantMany checks that each of so many workflows has one run for each ref, numbered
// in the order of the refs, and that no intent is left.
func (b *bench) wantMany(workflows int, refs ...string) {
	b.t.Helper()
	ctx := b.t.Context()
	var want, got []string
	for i := range workflows {
		for n, ref := range refs {
			want = append(want, fmt.Sprintf("W%02d %d %s", i, n+1, ref))
		}
	}
	list, _, err := b.st.Runs(ctx, store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 1000})
	b.must(err)
	for _, r := range list {
		got = append(got, fmt.Sprintf("%s %d %s", r.Name, r.Number, r.Ref))
		if jobs, err := b.st.Jobs(ctx, r.ID, 1); err != nil || len(jobs) != 1 {
			b.t.Errorf("run %d has %d jobs (%v), want 1", r.ID, len(jobs), err)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("runs (-want +got):\n%s", diff)
	}
	if left, err := b.st.Pushes(ctx); err != nil || len(left) != 0 {
		b.t.Errorf("%d intents are left (%v), want none", len(left), err)
	}
}

func TestAPushThatIsCutOffAgainAndAgainGetsEachRunOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		const workflows, atATime = 7, 3
		b.many(workflows)
		b.intend("refs/heads/main", "refs/heads/other")
		cut := 0
		for len(b.runs()) < 2*workflows {
			before := len(b.runs())
			ctx, die := context.WithCancel(t.Context())
			b.makeIDs(func() string {
				if len(b.runs()) >= before+atATime {
					die()
				}
				return uuid.NewString()
			})
			err := b.serve().Reconcile(ctx, base) // as a server that starts; it logs what it cannot finish
			if err != nil && ctx.Err() == nil {
				t.Fatal(err)
			}
			if ctx.Err() != nil {
				cut++
			}
			die()
			if now := len(b.runs()); now == before {
				t.Fatalf("nothing was made after %d runs", now)
			}
		}
		b.makeIDs(uuid.NewString)
		b.must(b.serve().Reconcile(t.Context(), base))
		b.wantMany(workflows, "refs/heads/main", "refs/heads/other")
		if cut < 4 {
			t.Errorf("the push was cut off %d times, want 4", cut)
		}
	})
}

func TestOthersWriteBetweenTheRunsOfAPush(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		const workflows = 5
		b.many(workflows)
		p := b.intend("refs/heads/main")
		seen := map[int]bool{}
		b.makeIDs(func() string { // would wait for itself if there were a transaction open
			b.must(st.Update(t.Context(), func(tx *store.Tx) error {
				return tx.SetPushed(t.Context(), b.repo.ID, time.Now())
			}))
			seen[len(b.runs())] = true
			return uuid.NewString()
		})
		b.must(b.Pushed(t.Context(), base, p, p.Updates))
		b.wantMany(workflows, "refs/heads/main")
		for n := range workflows {
			if !seen[n] {
				t.Errorf("nobody could write when there were %d runs of %d", n, workflows)
			}
		}
	})
}

func TestTwoServersThatFinishOnePushMakeEachRunOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		const workflows = 20
		b.many(workflows)
		p := b.intend("refs/heads/main")
		var servers sync.WaitGroup
		for range 2 {
			server := b.serve()
			servers.Go(func() {
				if err := server.Pushed(t.Context(), base, p, p.Updates); err != nil {
					t.Error(err)
				}
			})
		}
		servers.Wait()
		b.wantMany(workflows, "refs/heads/main")
	})
}

// An id that is there already is refused by the database: an error that may not last.
func TestARunThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		const workflows = 4
		b.many(workflows)
		p := b.intend("refs/heads/main")
		var ids []string
		b.makeIDs(func() string {
			ids = append(ids, uuid.NewString())
			if len(ids) == 5 { // of the third run
				ids[4] = ids[0]
			}
			return ids[len(ids)-1]
		})
		b.must(b.Pushed(t.Context(), base, p, p.Updates))
		b.wantMany(workflows, "refs/heads/main")
		if len(ids) != 2*workflows+2 {
			t.Errorf("%d ids were asked for, want those of %d runs, and of one twice", len(ids), workflows)
		}
	})
}

func TestAnEventThatDoesNotHappenHereIsRefused(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", "on: [push, issues]\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n")
	b.push(false, "refs/heads/main")
	for _, name := range []string{"issues", "workflow_call", "no_such_event", ""} {
		runs, err := b.Fire(t.Context(), event.Event{Name: name, Action: "opened", Repo: b.repo, Actor: b.owner})
		if actions.KindOf(err) != actions.Invalid || len(runs) != 0 {
			t.Errorf("%q: %d runs and %v, want it to be invalid", name, len(runs), err)
		}
	}
	b.want(dir + "ci.yml push refs/heads/main")
}

func TestAnEventWithoutACommitIsAboutWhereItsRefStands(t *testing.T) { // TRG-2
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", onPush)
	u := b.move("refs/heads/main")
	b.Commit("second", dir+"ci.yml", onMain)
	runs, err := b.Fire(t.Context(), event.Event{
		Name: "push", Repo: b.repo, Actor: b.owner, Base: base, Ref: u.Ref, FilterRef: u.Ref, Push: &event.Push{Update: u},
	})
	b.must(err)
	if len(runs) != 1 || runs[0].HeadSHA != u.After || runs[0].Title != "CI" || runs[0].Ref != u.Ref {
		t.Errorf("runs %+v, want one of %s, named as its workflow", runs, u.After)
	}
}

func TestAJobMayStartAWorkflowByHand(t *testing.T) { // TRG-9
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"hand.yml", byHand, dir+"ci.yml", onPush)
	b.push(true, "refs/heads/main")
	b.want()
	_, err := b.Dispatch(t.Context(), &trigger.Dispatch{
		Base: base, Repo: b.repo, Workflow: b.byPath("hand.yml"), Ref: "main", Inputs: map[string]string{"where": "here"}, Actor: b.owner, ByJob: true,
	})
	b.must(err)
	b.want("Hand workflow_dispatch refs/heads/main")
}
