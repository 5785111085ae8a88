package repository_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/repository"
)

func TestTheFirstPushBringsTheDefaultBranch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const zero = actions.ZeroSHA
		sha := strings.Repeat("a", 40)
		for name, c := range map[string]struct {
			begun   bool
			updates []actions.RefUpdate
			want    string
		}{
			"another":         {false, []actions.RefUpdate{{Ref: "refs/heads/team/dev", Before: zero, After: sha}}, "team/dev"},
			"the default":     {false, []actions.RefUpdate{{Ref: "refs/heads/dev", Before: zero, After: sha}, {Ref: "refs/heads/main", Before: zero, After: sha}}, "main"},
			"the first":       {false, []actions.RefUpdate{{Ref: "refs/tags/v1", Before: zero, After: sha}, {Ref: "refs/heads/z", Before: zero, After: sha}, {Ref: "refs/heads/a", Before: zero, After: sha}}, "z"},
			"a usual one":     {false, []actions.RefUpdate{{Ref: "refs/heads/a", Before: zero, After: sha}, {Ref: "refs/heads/master", Before: zero, After: sha}}, "master"},
			"no branch":       {false, []actions.RefUpdate{{Ref: "refs/tags/v1", Before: zero, After: sha}}, "main"},
			"a deletion":      {false, []actions.RefUpdate{{Ref: "refs/heads/x", Before: sha, After: zero}}, "main"},
			"not the first":   {true, []actions.RefUpdate{{Ref: "refs/heads/dev", Before: zero, After: sha}}, "main"},
			"a branch so far": {true, []actions.RefUpdate{{Ref: "refs/heads/main", Before: sha, After: sha}}, "main"},
		} {
			repo := &actions.Repository{Owner: *w.octo, Name: strings.ReplaceAll(name, " ", "-")}
			var first *repository.First
			if c.begun {
				first = &repository.First{By: w.octo}
			}
			w.must(w.Create(t.Context(), repo, first))
			if err := w.BeforePush(t.Context(), repo.ID, c.updates, w.git.View(repo.ID)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			w.wantBranch(repo, c.want)
		}
	})
}

func TestAFirstPushThatFailedIsTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		repo := &actions.Repository{Owner: *w.octo, Name: "hello"}
		w.must(w.Create(t.Context(), repo, nil))
		push := func() error {
			dev := actions.RefUpdate{Ref: "refs/heads/dev", Before: actions.ZeroSHA, After: strings.Repeat("a", 40)}
			return w.BeforePush(t.Context(), repo.ID, []actions.RefUpdate{dev}, w.git.View(repo.ID))
		}
		lock := filepath.Join(w.dir(repo), "HEAD.lock")
		w.must(os.Mkdir(lock, 0o700))
		if err := push(); err == nil {
			t.Error("no error with something in the way")
		}
		w.wantBranch(repo, "main")
		w.must(os.RemoveAll(lock))
		w.must(push())
		w.wantBranch(repo, "dev")
	})
}

func TestALostHeadIsWrittenAgainAtTheNextStart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		repo := w.repository("hello")
		w.must(os.Remove(filepath.Join(w.dir(repo), "HEAD")))
		w.must(w.Recover(t.Context()))
		w.wantBranch(repo, "main")
	})
}
