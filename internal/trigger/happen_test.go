package trigger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const onIssue = "name: Issue\non: {issues: {types: [opened]}}\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"

// note notes an event in a transaction of its own.
func (b *bench) note(e event.Event) *actions.Push {
	b.t.Helper()
	var p *actions.Push
	e.Repo, e.Actor, e.Base = b.repo, b.owner, base
	b.must(b.st.Update(b.t.Context(), func(tx *store.Tx) (err error) {
		p, err = b.Happen(b.t.Context(), tx, &e)
		return err
	}))
	return p
}

func issue(action string) event.Event {
	return event.Event{Name: "issues", Action: action, Given: fmt.Appendf(nil, `{"action":%q,"issue":{"number":7}}`, action)}
}

// The server that notes an event may be killed before it makes a run.
func TestAnEventThatWasNotedHasItsRunsOnceWhoeverMakesThem(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"issue.yml", onIssue)
		b.push(false, "refs/heads/main")
		opened, other := b.note(issue("opened")), b.serve()
		b.want()
		b.must(other.Reconcile(t.Context(), base))
		b.want("Issue issues refs/heads/main")
		b.Happened(t.Context(), base, opened)
		b.must(other.Reconcile(t.Context(), base))
		b.want("Issue issues refs/heads/main")
		b.Happened(t.Context(), base, b.note(issue("closed"))) // not one of its types
		b.want("Issue issues refs/heads/main")
		if left, err := st.Pushes(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("%d events are left (%v), want none", len(left), err)
		}
	})
}

func TestAnEventThatAnotherNotedIsHeardOf(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"issue.yml", onIssue)
		b.push(false, "refs/heads/main")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Trigger.Run(ctx, base) }()
		heard := st.Subscribe(store.RepoTopic(b.repo.ID))
		defer heard.Close()
		b.note(issue("opened"))
		for len(b.runs()) == 0 {
			select {
			case <-heard.C():
			case <-time.After(time.Minute):
				t.Fatal("no run after a minute")
			}
		}
		stop()
		b.must(<-done)
		b.want("Issue issues refs/heads/main")
	})
}

func TestAnEventThatNoWorkflowListensToIsNotNoted(t *testing.T) { // TRG-9
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", onPush)
	b.push(false, "refs/heads/main")
	if p := b.note(issue("opened")); p != nil {
		t.Errorf("%+v was noted", p.Happening)
	}
	b.Commit("second", dir+"issue.yml", onIssue)
	b.push(false, "refs/heads/main")
	byJob := issue("opened")
	if byJob.ByJob = true; b.note(byJob) != nil {
		t.Error("an event by a job's token was noted")
	}
	if b.note(issue("opened")) == nil {
		t.Error("an event that starts a workflow was not noted")
	}
}

// A payload that many runs are planned from is kept once.
func TestALargePayloadReachesEveryRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"a.yml", onIssue, dir+"b.yml", onIssue)
		b.push(false, "refs/heads/main")
		large := fmt.Sprintf(`{"action":"opened","text":%q}`, strings.Repeat("x", 1<<20))
		b.Happened(t.Context(), base, b.note(event.Event{Name: "issues", Action: "opened", Given: []byte(large)}))
		list, n, err := st.Runs(t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 10})
		if b.must(err); n != 2 {
			t.Fatalf("%d runs, want 2", n)
		}
		for i, run := range list {
			src, err := st.RunSource(t.Context(), run.ID)
			if b.must(err); !strings.HasSuffix(string(src.Payload), large[1:]) || src.Base != base.HTML {
				t.Errorf("payload of %d bytes, base %q", len(src.Payload), src.Base)
			}
			b.must(st.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteRun(t.Context(), b.repo.ID, run.ID, time.Now()) }))
			if i == 0 {
				_, err = st.RunSource(t.Context(), list[1].ID)
				b.must(err)
			}
		}
	})
}

func TestBranchesAndTagsAreCreatedAndDeleted(t *testing.T) { // TRG-8
	const onRefs = "name: Refs\non: [create, delete, push]\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"refs.yml", onRefs)
		b.push(false, "refs/heads/main")
		b.push(false, "refs/tags/v1")
		b.push(true, "refs/heads/by-job")
		head := b.Git("rev-parse", "HEAD")
		remove := func(refs ...string) {
			p := &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID}
			for _, ref := range refs {
				p.Updates = append(p.Updates, actions.RefUpdate{Ref: ref, Before: head, After: actions.ZeroSHA})
			}
			b.must(b.Intend(t.Context(), p))
			b.must(b.Pushed(t.Context(), base, p, p.Updates))
		}
		remove("refs/tags/v1", "refs/heads/x")
		want := []string{
			"Refs push refs/heads/main", "Refs create refs/heads/main", "Refs push refs/tags/v1", "Refs create refs/tags/v1",
			"Refs delete refs/heads/main", "Refs delete refs/heads/main",
		}
		b.want(want...)
		b.push(false, "refs/tags/a", "refs/tags/b", "refs/tags/c", "refs/tags/d") // more than three: no events
		remove("refs/tags/a", "refs/tags/b", "refs/tags/c", "refs/tags/d")
		b.want(want...)
	})
}
