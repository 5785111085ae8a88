package repository_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// many is how many packs are too many.
const many = 60

// addPacks adds as many packs to a repository as so many pushes would.
func (w *world) addPacks(repo *actions.Repository, when string, n int) {
	w.t.Helper()
	before := w.packs(repo)
	for i := range n {
		cmd := exec.CommandContext(w.t.Context(), "git", "--git-dir", w.dir(repo), "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet")
		cmd.Stdin = strings.NewReader(fmt.Sprintf("blob\ndata <<end\n%s %d\nend\n", when, i))
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("fast-import: %v %s", err, out)
		}
	}
	if got := w.packs(repo); got != before+n {
		w.t.Fatalf("%d packs, want %d", got, before+n)
	}
}

func (w *world) packs(repo *actions.Repository) int {
	w.t.Helper()
	packs, err := filepath.Glob(filepath.Join(w.dir(repo), "objects", "pack", "*.pack"))
	w.must(err)
	return len(packs)
}

func TestPacksOfARepositoryAreJoinedAtStartAfterPushesAndEachDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, storetest.Open(t))
		repo := w.repository("hello")
		joined := func(when string) {
			t.Helper()
			synctest.Wait()
			if got := w.packs(repo); got >= many {
				t.Errorf("%s: %d packs are left", when, got)
			}
		}
		w.addPacks(repo, "at start", many)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		joined("at start")

		w.addPacks(repo, "after a push", many)
		w.must(w.st.Update(t.Context(), func(tx *store.Tx) error { return tx.SetPushed(t.Context(), repo.ID, time.Now()) }))
		time.Sleep(time.Second)
		synctest.Wait()
		if got := w.packs(repo); got < many {
			t.Errorf("one second after a push %d packs are left: more may come", got)
		}
		time.Sleep(time.Minute)
		joined("after a push")

		w.addPacks(repo, "a day later", many) // by a server whose notice was lost
		time.Sleep(25 * time.Hour)
		joined("a day later")
		cancel()
		w.must(<-ended)
	})
}
