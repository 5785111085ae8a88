package trigger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// taken is the id of a plan that there is already.
const taken = "00000000-0000-0000-0000-000000000000"

// newLate is a bench with one run, whose plan has the id that is taken.
func newLate(t *testing.T, st *store.Store) *bench {
	t.Helper()
	b := newBench(t, st)
	b.makeIDs(func() string { return taken })
	b.Commit("commit 0", dir+"ci.yml", onPush)
	b.push(false, "refs/heads/first")
	return b
}

// refuse lets the database refuse every run, as a disk does that has room for an
// intent and no more. It ends the context that it returns once two were refused.
func (b *bench) refuse() context.Context {
	ctx, giveUp := context.WithCancel(b.t.Context())
	b.t.Cleanup(giveUp)
	asked := 0
	b.makeIDs(func() string {
		if asked++; asked > 4 {
			giveUp()
		}
		return taken
	})
	return ctx
}

// answered makes a push of a new commit whose runs cannot be made.
func (b *bench) answered(n int, refs ...string) {
	b.t.Helper()
	b.Commit(fmt.Sprintf("commit %d", n), dir+"ci.yml", onPush, "n", fmt.Sprint(n))
	p := &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID}
	for _, ref := range refs {
		p.Updates = append(p.Updates, actions.RefUpdate{Ref: ref, Before: b.at(ref), After: b.Git("rev-parse", "HEAD")})
	}
	unlock := b.lock()
	b.must(b.Intend(b.t.Context(), p))
	for _, ref := range refs {
		b.move(ref)
	}
	unlock()
	if err := b.Pushed(b.refuse(), base, p, p.Updates); err == nil {
		b.t.Error("runs were made that the database refused")
	}
}

// lock holds the lock of the repository, as a server does while it moves refs: nobody
// looks in between at what became of the push.
func (b *bench) lock() (unlock func()) {
	b.t.Helper()
	f, err := os.OpenFile(filepath.Join(b.bare, "understudy.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	b.must(err)
	b.must(syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	return func() { b.must(f.Close()) }
}

// at is where a ref of the bare repository stands.
func (b *bench) at(ref string) string {
	b.t.Helper()
	if out := b.Git("ls-remote", b.bare, ref); out != "" {
		return out[:len(actions.ZeroSHA)]
	}
	return actions.ZeroSHA
}

// titles are all runs, oldest first, as "title ref".
func (b *bench) titles() []string {
	b.t.Helper()
	list, _, err := b.st.Runs(b.t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 100})
	b.must(err)
	var out []string
	for _, r := range list {
		out = append(out, r.Title+" "+r.Ref)
	}
	slices.Reverse(out)
	return out
}

// wantLate checks that three answered pushes have their runs, in order.
func (b *bench) wantLate() {
	b.t.Helper()
	want := []string{
		"commit 0 refs/heads/first",
		"commit 1 refs/heads/main", "commit 1 refs/heads/other", "commit 2 refs/heads/main", "commit 3 refs/heads/main",
	}
	deadline := time.Now().Add(time.Minute)
	for len(b.titles()) < len(want) && time.Now().Before(deadline) {
		<-time.After(5 * time.Millisecond)
	}
	if diff := cmp.Diff(want, b.titles()); diff != "" {
		b.t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func (b *bench) wantNoIntent() {
	b.t.Helper()
	if left, err := b.st.Pushes(b.t.Context()); err != nil || len(left) != 0 {
		b.t.Errorf("%d intents are left (%v), want none", len(left), err)
	}
}

// goOn runs the loop of a server until the function that it returns is called.
func (b *bench) goOn() (end func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Trigger.Run(ctx, base) }()
	return func() {
		cancel()
		b.must(<-done)
	}
}

func TestPushesWhoseRunsCouldNotBeWrittenGetThemWithoutAStart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newLate(t, st)
		end := b.goOn()
		b.answered(1, "refs/heads/main", "refs/heads/other")
		b.answered(2, "refs/heads/main")
		b.answered(3, "refs/heads/main")
		if got := b.titles(); len(got) != 1 {
			t.Errorf("runs %q, want only the first", got)
		}
		b.makeIDs(uuid.NewString)
		b.wantLate()
		end()
		b.must(b.Reconcile(t.Context(), base))
		b.wantLate()
		b.wantNoIntent()
	})
}

func TestPushesWhoseRunsCouldNotBeWrittenGetThemAfterAKill(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newLate(t, st)
		b.answered(1, "refs/heads/main", "refs/heads/other")
		b.Trigger = b.serve() // and again: its refs have moved on by then
		b.answered(2, "refs/heads/main")
		b.answered(3, "refs/heads/main")
		b.Trigger = b.serve()
		b.makeIDs(uuid.NewString)
		defer b.goOn()()
		b.wantLate()
	})
}

func TestAPushMakesTheRunsOfThoseBeforeItFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newLate(t, st)
		b.answered(1, "refs/heads/main", "refs/heads/other")
		b.answered(2, "refs/heads/main")
		b.makeIDs(uuid.NewString)
		b.Commit("commit 3")
		b.push(false, "refs/heads/main")
		b.wantLate()
		b.wantNoIntent()
	})
}

// Of the two refs of the first push git has moved one, and the server has died
// before it could see that.
func TestWhatGitMadeOfAPushIsKnownWhenItsRefsHaveMovedOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("commit 1", dir+"ci.yml", onPush)
		p := &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID}
		for _, ref := range []string{"refs/heads/main", "refs/heads/never"} {
			p.Updates = append(p.Updates, actions.RefUpdate{Ref: ref, Before: actions.ZeroSHA, After: b.Git("rev-parse", "HEAD")})
		}
		b.must(b.Intend(t.Context(), p))
		b.move("refs/heads/main")
		b.Trigger = b.serve()
		b.Commit("commit 2")
		b.push(false, "refs/heads/main")
		b.Git("push", "-q", b.bare, "HEAD~:refs/heads/never")
		b.must(b.Reconcile(t.Context(), base))
		if diff := cmp.Diff([]string{"commit 1 refs/heads/main", "commit 2 refs/heads/main"}, b.titles()); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
		b.wantNoIntent()
	})
}

// No ref may move then: nobody could tell later what became of the push before.
func TestAPushIsRefusedWhereItsIntentCannotBeWritten(t *testing.T) {
	b := newLate(t, storetest.Open(t))
	b.answered(1, "refs/heads/main")
	b.must(b.st.Close())
	p := &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID}
	if err := b.Intend(t.Context(), p); actions.KindOf(err) != actions.Unavailable {
		t.Errorf("an intent without a database: %v, want it to be unavailable", err)
	}
}

// One whose runs can never be made holds up the others for ten minutes.
func TestAPushThatCannotBeFinishedDoesNotHoldUpOthersForEver(t *testing.T) {
	b := newLate(t, storetest.Open(t))
	b.answered(1, "refs/heads/main")
	b.answered(2, "refs/heads/main")
	b.refuse()
	if err := b.Reconcile(t.Context(), base); err == nil || len(b.titles()) != 1 {
		t.Errorf("runs %q (%v), want only the first", b.titles(), err)
	}
	b.now = func() time.Time { return time.Now().Add(11 * time.Minute) }
	b.Trigger = b.serve()
	asked := 0
	b.makeIDs(func() string {
		if asked++; asked <= 2 { // of the first push
			return taken
		}
		return uuid.NewString()
	})
	if err := b.Reconcile(t.Context(), base); err == nil {
		t.Error("the first push is finished, though its run was refused")
	}
	b.must(b.Reconcile(t.Context(), base))
	want := []string{"commit 0 refs/heads/first", "commit 2 refs/heads/main", "commit 1 refs/heads/main"}
	if diff := cmp.Diff(want, b.titles()); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}
