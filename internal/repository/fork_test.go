package repository_test

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// killedFork is a fork of a repository with two branches, as a server leaves it that is
// killed before it has copied anything, after the next one has started.
func (w *world) killedFork() (ask repository.Fork, fork *actions.Repository) {
	w.t.Helper()
	mona := &actions.Account{Login: "mona", Type: actions.User, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	w.must(w.st.CreateAccount(w.t.Context(), mona))
	of, err := w.st.Repository(w.t.Context(), w.repository("hello", "next").ID)
	w.must(err)
	ask = repository.Fork{Of: of, Owner: mona}
	fork, err = w.Fork(w.t.Context(), ask)
	w.must(err)
	w.must(os.RemoveAll(w.dir(fork)))
	w.must(w.Recover(w.t.Context()))
	if got := w.refs(fork); got != 0 {
		w.t.Fatalf("%d refs are there before any is copied", got)
	}
	return ask, fork
}

func (w *world) refs(repo *actions.Repository) int {
	w.t.Helper()
	refs, err := w.git.View(repo.ID).Refs(w.t.Context(), "refs/")
	w.must(err)
	return len(refs)
}

func TestAForkOfAKilledServerIsFinishedWhenItIsAskedForAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ask, fork := w.killedFork()
		again, err := w.Fork(t.Context(), ask)
		w.must(err)
		if got := w.refs(fork); again.ID != fork.ID || got != 2 {
			t.Errorf("repository %d with %d refs; want %d with 2", again.ID, got, fork.ID)
		}
	})
}

func TestAForkOfAKilledServerIsFinishedAfterTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, storetest.Open(t))
		_, fork := w.killedFork()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		synctest.Wait()
		if got := w.refs(fork); got != 2 {
			t.Errorf("%d refs; want 2", got)
		}
		cancel()
		w.must(<-ended)
	})
}

func TestAPublicForkOfAKilledServerGetsNothingOfWhatIsPrivateNow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ask, fork := w.killedFork()
		_, err := w.Update(t.Context(), ask.Of.ID, repository.Change{Private: new(true)})
		w.must(err)
		_, err = w.Fork(t.Context(), ask)
		w.must(err)
		if got := w.refs(fork); got != 0 {
			t.Errorf("%d refs; want none", got)
		}
	})
}
