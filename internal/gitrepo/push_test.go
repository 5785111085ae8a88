package gitrepo

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestPushMovesRefsAndTellsDone(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	a := c.Commit("one", "a.txt", "a")
	c.Git("tag", "-a", "v1", "-m", "first")
	tag := c.Git("rev-parse", "v1")
	c.Git("push", "origin", "main", "v1")
	if got := g.tip(t, "refs/heads/main"); got != a {
		t.Errorf("main is at %q, want %q", got, a)
	}
	b := c.Commit("two", "a.txt", "b")
	c.Git("push", "origin", "main", ":v1")
	want := [][]actions.RefUpdate{
		{{Ref: "refs/heads/main", Before: actions.ZeroSHA, After: a}, {Ref: "refs/tags/v1", Before: actions.ZeroSHA, After: tag}},
		{{Ref: "refs/heads/main", Before: a, After: b}, {Ref: "refs/tags/v1", Before: tag, After: actions.ZeroSHA}},
	}
	got := g.applied()
	if len(got) == 2 && got[1][0].Deleted() {
		got[1][0], got[1][1] = got[1][1], got[1][0]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
}

func TestRefusedPushMovesNothingAndSaysWhy(t *testing.T) {
	g := newTestGit(t, Limits{})
	g.check = func(context.Context, []actions.RefUpdate, *View) error {
		return &Refusal{
			Message: "error: no\x1b[31m thanks\nsecond line",
			Reasons: map[string]string{"refs/heads/main": "refusing to allow this `x`"},
		}
	}
	c := g.clone(t)
	c.Commit("one", "a.txt", "a")
	out, err := c.Run("push", "origin", "main", "main:other")
	if err == nil {
		t.Fatalf("push worked:\n%s", out)
	}
	for _, want := range []string{
		"remote: error: no?[31m thanks", "remote: second line",
		"[remote rejected] main -> main (refusing to allow this `x`)",
		"[remote rejected] main -> other (pre-receive hook declined)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	refs, err := g.View(1).Refs(t.Context(), "refs/")
	if err != nil || len(refs) != 0 || len(g.applied()) != 0 {
		t.Errorf("refs %v (%v), applied %v; want none", refs, err, g.applied())
	}
}

func TestCheckSeesPushedObjectsBeforeRefsMove(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	sha := c.Commit("one", ".github/workflows/ci.yml", "on: push\n")
	g.check = func(ctx context.Context, updates []actions.RefUpdate, v *View) error {
		if diff := cmp.Diff([]actions.RefUpdate{{Ref: "refs/heads/main", Before: actions.ZeroSHA, After: sha}}, updates); diff != "" {
			t.Errorf("updates (-want +got):\n%s", diff)
		}
		data, err := v.ReadFile(ctx, sha, ".github/workflows/ci.yml", 100)
		if err != nil || string(data) != "on: push\n" {
			t.Errorf("file in quarantine: %q, %v", data, err)
		}
		if file, err := v.WorkflowFilesTouched(ctx, updates); err != nil || file != ".github/workflows/ci.yml" {
			t.Errorf("workflow touched: %q, %v", file, err)
		}
		if _, err := g.View(1).Commit(ctx, sha); err == nil {
			t.Error("object is in the repository before Check returned")
		}
		if got := g.tip(t, "refs/heads/main"); got != "" {
			t.Errorf("main is at %s before Check returned", got)
		}
		return nil
	}
	c.Git("push", "origin", "main")
	if _, err := g.View(1).Commit(t.Context(), sha); err != nil {
		t.Errorf("after the push: %v", err)
	}
}

// Push options have changed settings of repositories elsewhere. Here none is taken, nor
// does a client that sends some get them to a hook.
func TestPushOptionsAreNotTaken(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	c.Commit("one", "a.txt", "a")
	if out, err := c.Run("push", "-o", "repo.private=false", "origin", "main"); err == nil || !strings.Contains(out, "push options") {
		t.Errorf("%v: %s", err, out)
	}
	if tip := g.tip(t, "refs/heads/main"); tip != "" {
		t.Errorf("main is at %s", tip)
	}
}
