package gitrepo

import (
	"errors"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// forked is a repository with a branch main and a branch topic, which have both gone on.
func forked(t *testing.T, main, topic []string) (g *testGit, base, head string) {
	t.Helper()
	g = newTestGit(t, Limits{})
	c := g.clone(t)
	c.Commit("first", "a", "1\n2\n3\n4\n5\n6\n7\n", "b", "b\n")
	c.Git("push", "-q", "origin", "HEAD:main")
	c.Git("checkout", "-q", "-b", "topic")
	head = c.Commit("topic", topic...)
	c.Git("push", "-q", "origin", "topic")
	c.Git("checkout", "-q", "-b", "later", "HEAD^")
	base = c.Commit("main", main...)
	c.Git("push", "-q", "origin", "later:main")
	return g, base, head
}

func draftOf(t *testing.T, g *testGit) *Draft {
	t.Helper()
	s, err := g.Draft(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

var me = actions.Signature{Name: "me", Email: "me@example.com", Time: time.Unix(1700000000, 0).UTC()}

func TestAMergeIsMadeWithoutAWorkTree(t *testing.T) {
	g, base, head := forked(t, []string{"a", "1\n2\n3\n4\n5\n6\nseven\n"}, []string{"a", "one\n2\n3\n4\n5\n6\n7\n"})
	s := draftOf(t, g)
	tree, err := s.Merge(t.Context(), base, head)
	if err != nil {
		t.Fatal(err)
	}
	c := &Commit{Commit: actions.Commit{Tree: tree, Message: "merge", Author: me, Committer: me}, Parents: []string{base, head}}
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := g.View(1).Commit(t.Context(), c.SHA); actions.KindOf(err) != actions.NotFound {
		t.Errorf("what nobody has kept is in the repository: %v", err)
	}
	if err := s.Keep(t.Context(), c.SHA, base, head); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := g.SetPullRef(t.Context(), 1, "refs/pull/1/merge", c.SHA); err != nil {
		t.Fatal(err)
	}
	text, err := g.View(1).ReadFile(t.Context(), c.SHA, "a", 100)
	if err != nil || string(text) != "one\n2\n3\n4\n5\n6\nseven\n" {
		t.Errorf("merged %q, %v", text, err)
	}
	c2 := g.clone(t)
	c2.Git("fetch", "-q", "origin", "refs/pull/1/merge")
	if out, err := c2.Run("push", "origin", "FETCH_HEAD:refs/pull/1/head"); err == nil {
		t.Errorf("a client has pushed a ref of a pull request: %s", out)
	}
	if refs, err := g.View(1).Merged(t.Context(), base); err != nil || len(refs) > 0 {
		t.Errorf("merged %v, %v", refs, err)
	}
	if err := g.SetPullRef(t.Context(), 1, "refs/pull/1/head", head); err != nil {
		t.Fatal(err)
	}
	if refs, err := g.View(1).Merged(t.Context(), c.SHA); err != nil || len(refs) != 1 || refs[0] != "refs/pull/1/head" {
		t.Errorf("merged %v, %v", refs, err)
	}
}

func TestConflictsAreTold(t *testing.T) {
	g, base, head := forked(t, []string{"a", "x\n"}, []string{"a", "y\n"})
	s := draftOf(t, g)
	if _, err := s.Merge(t.Context(), base, head); !errors.Is(err, ErrConflicts) {
		t.Errorf("merge: %v", err)
	}
	if _, err := s.Rebase(t.Context(), base, head, me, 10); !errors.Is(err, ErrConflicts) {
		t.Errorf("rebase: %v", err)
	}
}

func TestARebaseMakesTheCommitsAnew(t *testing.T) {
	g, base, _ := forked(t, []string{"c", "c\n"}, []string{"a", "one\n"})
	c := g.clone(t)
	c.Git("fetch", "-q", "origin")
	c.Git("checkout", "-q", "topic")
	head := c.Commit("second of topic", "d", "d\n")
	c.Git("push", "-q", "origin", "topic")
	s := draftOf(t, g)
	tip, err := s.Rebase(t.Context(), base, head, me, 10)
	if err != nil {
		t.Fatal(err)
	}
	commits, more, err := s.CommitsBetween(t.Context(), base, tip, 10)
	if err != nil || more || len(commits) != 2 || commits[0].Message != "topic" || commits[1].Message != "second of topic" || commits[1].Committer.Name != "me" {
		t.Errorf("rebased to %v, %v", commits, err)
	}
	if _, err := s.Rebase(t.Context(), base, head, me, 1); actions.KindOf(err) != actions.Invalid {
		t.Errorf("too many commits: %v", err)
	}
	u := actions.RefUpdate{Ref: "refs/heads/main", Before: base, After: tip}
	var told []actions.RefUpdate
	err = g.MoveTo(t.Context(), s, u, []string{base, head}, ReceiveOptions{
		Check: g.Nothing, Done: g.tell(&told),
	})
	if err != nil || len(told) != 1 || g.tip(t, "refs/heads/main") != tip {
		t.Errorf("moved %v, %v", told, err)
	}
}

func TestCommitsOfAnotherRepositoryAreTaken(t *testing.T) {
	g, base, head := forked(t, []string{"c", "c\n"}, []string{"a", "one\n"})
	if err := g.Create(t.Context(), 2, "main"); err != nil {
		t.Fatal(err)
	}
	for _, sha := range []string{base, head, head} {
		if err := g.Take(t.Context(), 2, 1, []string{sha}); err != nil {
			t.Fatal(err)
		}
		if err := g.SetPullRef(t.Context(), 2, "refs/pull/1/head", sha); err != nil {
			t.Fatal(err)
		}
		if _, err := g.View(2).ReadFile(t.Context(), sha, "a", 100); err != nil {
			t.Error(err)
		}
	}
	if err := g.Delete(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if n, _, err := g.View(2).CommitsBetween(t.Context(), "", head, 10); err != nil || len(n) != 2 {
		t.Errorf("%v, %v", n, err)
	}
}
