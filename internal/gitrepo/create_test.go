package gitrepo

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestARepositoryCanBeginWithACommit(t *testing.T) {
	g := newTestGit(t, Limits{})
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	first := FirstCommit{
		Readme:    "# \"hello\"\nM 100644 inline evil\ndata 1\nx",
		Message:   "Initial commit\n\ncommit refs/heads/evil",
		Author:    actions.Signature{Name: "Ada <\nmark 1> Löve", Email: "ada@example.com>\n", Time: noon.In(time.FixedZone("", 5400))},
		Committer: actions.Signature{Name: "", Email: "x@example.com", Time: noon},
	}
	if err := g.Delete(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := g.CreateWith(t.Context(), 1, "feature/x", first); err != nil {
		t.Fatal(err)
	}
	if err := g.CreateWith(t.Context(), 1, "main", first); err != nil { // it is left as it is
		t.Error(err)
	}
	v := g.View(1)
	refs, err := v.Refs(t.Context(), "refs/")
	if err != nil || len(refs) != 1 || refs[0].Name != "refs/heads/feature/x" {
		t.Fatalf("refs %v, %v", refs, err)
	}
	c, err := v.Commit(t.Context(), refs[0].SHA)
	if err != nil {
		t.Fatal(err)
	}
	want := &Commit{Commit: actions.Commit{
		SHA: refs[0].SHA, Tree: c.Tree, Message: first.Message,
		Author:    actions.Signature{Name: "Ada mark 1 Löve", Email: "ada@example.com", Time: first.Author.Time},
		Committer: first.Committer,
	}}
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("commit (-want +got):\n%s", d)
	}
	tree := g.clone(t)
	tree.Git("pull", "-q", "origin", "feature/x")
	if text := tree.Git("show", "HEAD:README.md"); text != first.Readme {
		t.Errorf("README.md: %q", text)
	}
	if files := tree.Git("ls-tree", "-r", "--name-only", "HEAD"); files != "README.md" {
		t.Errorf("files: %q", files)
	}
	tree.Commit("second", "a", "b")
	tree.Git("push", "-q", "origin", "HEAD:feature/x")
	left, err := os.ReadDir(g.temporaryDir())
	if len(left) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := g.CreateWith(t.Context(), 2, "a..b", first); actions.KindOf(err) != actions.Invalid {
		t.Errorf("a bad branch: %v", err)
	}
}
