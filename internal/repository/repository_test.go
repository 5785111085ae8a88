package repository_test

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A world is the service on a real store and real git, with an owner.
type world struct {
	*repository.Repositories
	t     *testing.T
	st    *store.Store
	git   *gitrepo.Git
	files string // directory of git's repositories
	octo  *actions.Account
}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(t, newWorld(t, st)) })
}

func newWorld(t *testing.T, st *store.Store) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	w := &world{t: t, st: st, files: t.TempDir()}
	var err error
	w.git, err = gitrepo.New(w.files, gitrepo.Limits{}, log, time.Now)
	w.must(err)
	t.Cleanup(func() { w.must(w.git.Close()) })
	w.Repositories = repository.New(st, w.git, log, time.Now)
	w.octo = &actions.Account{Login: "octo", Type: actions.User, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	w.must(st.CreateAccount(t.Context(), w.octo))
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// repository is one of octo's that begins with a commit and has the branches.
func (w *world) repository(name string, branches ...string) *actions.Repository {
	w.t.Helper()
	repo := &actions.Repository{Owner: *w.octo, Name: name}
	w.must(w.Create(w.t.Context(), repo, &repository.First{By: w.octo}))
	for _, b := range branches {
		cmd := exec.CommandContext(w.t.Context(), "git", "--git-dir", w.dir(repo), "branch", b, "main")
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("branch %s: %v %s", b, err, out)
		}
	}
	return repo
}

func (w *world) dir(repo *actions.Repository) string {
	return filepath.Join(w.files, "repos", strconv.FormatInt(repo.ID, 10)+".git")
}

// wantBranch checks the default branch of the row and HEAD of git.
func (w *world) wantBranch(repo *actions.Repository, want string) {
	w.t.Helper()
	row, err := w.st.Repository(w.t.Context(), repo.ID)
	w.must(err)
	head, err := w.git.Head(repo.ID)
	w.must(err)
	if row.DefaultBranch != want || head != want {
		w.t.Errorf("default branch %q, HEAD %q; want %q", row.DefaultBranch, head, want)
	}
}

// wantField checks that an error is about a field.
func (w *world) wantField(err error, field string) {
	w.t.Helper()
	f, ok := errors.AsType[*actions.FieldError](err)
	if !ok || f.Resource != "Repository" || f.Field != field || actions.KindOf(err) != actions.Invalid {
		w.t.Errorf("%v; want an Invalid error about %s", err, field)
	}
}

func TestARefusedChangeMovesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		repo := w.repository("hello", "next")
		for field, c := range map[string]repository.Change{
			"description":    {Description: new("two\nlines"), Private: new(true), DefaultBranch: new("next")},
			"name":           {Name: new("other.git"), DefaultBranch: new("next")},
			"default_branch": {DefaultBranch: new("none"), Private: new(true)},
		} {
			_, err := w.Update(t.Context(), repo.ID, c)
			w.wantField(err, field)
			w.wantBranch(repo, "main")
			if row, err := w.st.Repository(t.Context(), repo.ID); err != nil || row.Private {
				t.Errorf("%s: private %t, %v; want the row as it was", field, row.Private, err)
			}
		}
	})
}

// Each round has somebody make a repository while they are deleted: one of both is
// refused, or the account is gone before.
func TestNoRepositoryIsLeftToAGhost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for round := range 20 {
			mona := &actions.Account{Login: "mona", Type: actions.User, CreatedAt: time.Now(), UpdatedAt: time.Now()}
			w.must(w.st.CreateAccount(ctx, mona))
			repo := &actions.Repository{Owner: *mona, Name: "hello"}
			var made, deleted error
			var both sync.WaitGroup
			both.Go(func() { made = w.Create(ctx, repo, nil) })
			both.Go(func() { deleted = w.st.DeleteAccount(ctx, mona.ID, time.Now()) })
			both.Wait()
			switch {
			case made == nil && deleted == nil:
				t.Fatalf("round %d: the repository is of an account that is gone", round)
			case made != nil && actions.KindOf(made) != actions.NotFound:
				t.Fatalf("round %d: make: %v", round, made)
			case deleted != nil && actions.KindOf(deleted) != actions.Conflict:
				t.Fatalf("round %d: delete: %v", round, deleted)
			}
			if deleted != nil {
				w.must(w.st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRepository(ctx, repo.ID, time.Now()) }))
				w.must(w.st.DeleteAccount(ctx, mona.ID, time.Now()))
			}
			if err := w.Create(ctx, &actions.Repository{Owner: *mona, Name: "late"}, nil); actions.KindOf(err) != actions.NotFound {
				t.Fatalf("round %d: made by an account that is gone: %v", round, err)
			}
		}
	})
}

func TestAChangeIsInTheRowAndInGit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		repo := w.repository("hello", "next")
		got, err := w.Update(t.Context(), repo.ID, repository.Change{Name: new("hello"), Description: new("new"), Private: new(true), DefaultBranch: new("next")})
		w.must(err)
		if got.Description != "new" || !got.Private || got.DefaultBranch != "next" {
			t.Errorf("changed to %+v", got)
		}
		w.wantBranch(repo, "next")
		if got, err = w.Update(t.Context(), repo.ID, repository.Change{Private: new(false)}); err != nil || got.Description != "new" || got.Private {
			t.Errorf("changed to %+v, %v; want the rest as it was", got, err)
		}
	})
}

func TestAHeadThatDidNotMoveIsMovedLater(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		repo := w.repository("hello", "next")
		lock := filepath.Join(w.dir(repo), "HEAD.lock")
		w.must(os.MkdirAll(filepath.Join(lock, "in the way"), 0o700))
		_, err := w.Update(t.Context(), repo.ID, repository.Change{DefaultBranch: new("next")})
		if actions.KindOf(err) != actions.Internal {
			t.Errorf("with something in the way: %v, want an internal error", err)
		}
		w.must(w.Recover(t.Context())) // it cannot be mended, and keeps no server from starting
		w.must(os.RemoveAll(lock))
		w.must(w.Recover(t.Context()))
		w.wantBranch(repo, "next")
		w.must(w.git.SetHead(t.Context(), repo.ID, "main"))
		_, err = w.Update(t.Context(), repo.ID, repository.Change{DefaultBranch: new("next")})
		w.must(err)
		w.wantBranch(repo, "next")
	})
}

func TestChangesAtOnceLeaveRowAndHeadInAgreement(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches := []string{"a", "b", "c", "d"}
		repo := w.repository("hello", branches...)
		for range 5 {
			var wg sync.WaitGroup
			for _, b := range branches {
				wg.Go(func() {
					if _, err := w.Update(t.Context(), repo.ID, repository.Change{DefaultBranch: &b}); err != nil {
						t.Errorf("%s: %v", b, err)
					}
				})
			}
			wg.Wait()
			row, err := w.st.Repository(t.Context(), repo.ID)
			w.must(err)
			w.wantBranch(repo, row.DefaultBranch)
		}
	})
}

func TestARepositoryWithoutFilesGetsThemAtStart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		half := &actions.Repository{Owner: *w.octo, Name: "half", DefaultBranch: "main", CreatedAt: time.Now(), UpdatedAt: time.Now()}
		w.must(w.st.CreateRepository(t.Context(), half))
		whole := w.repository("whole")
		before, err := w.git.Resolve(t.Context(), whole.ID, "main")
		w.must(err)
		w.must(w.Recover(t.Context()))
		w.wantBranch(half, "main")
		if after, err := w.git.Resolve(t.Context(), whole.ID, "main"); err != nil || after != before {
			t.Errorf("main of the other is %s, %v; want %s", after, err, before)
		}
	})
}

func TestARepositoryWhoseFilesCannotBeMadeIsNotThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tmp := filepath.Join(w.files, "tmp")
		w.must(os.RemoveAll(tmp))
		err := w.Create(t.Context(), &actions.Repository{Owner: *w.octo, Name: "hello"}, nil)
		if actions.KindOf(err) != actions.Internal {
			t.Errorf("made without a directory for its files: %v", err)
		}
		_, err = w.st.RepositoryByName(t.Context(), "octo", "hello")
		if actions.KindOf(err) != actions.NotFound {
			t.Errorf("the row: %v, want none", err)
		}
		w.must(os.Mkdir(tmp, 0o700))
		w.repository("hello") // its name is free
	})
}

func TestNamesAndDescriptionsThatCannotBe(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.repository("hello")
		for name, c := range map[string]struct {
			repo  actions.Repository
			field string
		}{
			"no name":            {actions.Repository{}, "name"},
			"a name in use":      {actions.Repository{Name: "HELLO"}, "name"},
			"a name of dots":     {actions.Repository{Name: ".."}, "name"},
			"a long name":        {actions.Repository{Name: strings.Repeat("a", 101)}, "name"},
			"two lines":          {actions.Repository{Name: "x", Description: "a\nb"}, "description"},
			"a long description": {actions.Repository{Name: "x", Description: strings.Repeat("é", 351)}, "description"},
		} {
			c.repo.Owner = *w.octo
			t.Run(name, func(t *testing.T) { w.wantField(w.Create(t.Context(), &c.repo, nil), c.field) })
		}
		repo := w.repository("my project!")
		if repo.Name != "my-project-" {
			t.Errorf("made %q, want hyphens", repo.Name)
		}
	})
}

func TestTheFirstCommitIsTheOwners(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	repo := &actions.Repository{Owner: *w.octo, Name: "hello", Description: "It has <words>"}
	w.must(w.Create(t.Context(), repo, &repository.First{By: w.octo, Host: "ci.test"}))
	sha, err := w.git.Resolve(t.Context(), repo.ID, "main")
	w.must(err)
	c, err := w.git.View(repo.ID).Commit(t.Context(), sha)
	w.must(err)
	text, err := w.git.ReadFile(t.Context(), repo.ID, sha, "README.md", 1000)
	w.must(err)
	email := strconv.FormatInt(w.octo.ID, 10) + "+octo@users.noreply.ci.test"
	if string(text) != "# hello\nIt has <words>\n" || c.Author.Name != "octo" || c.Author.Email != email || len(c.Parents) != 0 {
		t.Errorf("%q by %+v, want a README by %s", text, c.Author, email)
	}
}
