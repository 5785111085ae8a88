package gitrepo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
)

// changes is a page of what a commit that the tree pushes has changed.
func changes(t *testing.T, g *testGit, c *gittest.Tree, sha string, p actions.Page) *Changes {
	t.Helper()
	c.Git("push", "-q", "origin", "HEAD:refs/heads/main")
	commit, err := g.View(1).Commit(t.Context(), sha)
	if err != nil {
		t.Fatal(err)
	}
	got, err := g.View(1).Changes(t.Context(), commit, p)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

var all = actions.Page{Number: 1, Size: 300}

func TestChangesOfACommitAreToldFileByFile(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	const odd = "we\"ird\ndiff --git a b"
	first := c.Commit("one", "f", "a\nb\n", "d/old", strings.Repeat("line\n", 50), odd, "x\n", "gone", "1\n2\n", "script", "s\n", "kind", "k\n", "empty", "")
	blob := func(rev string) string { return c.Git("rev-parse", rev) }
	got := changes(t, g, c, first, all)
	if len(got.Files) != 7 || got.Total != 7 || got.Additions != 57 || got.Deletions != 0 || got.Files[2].Path != "f" ||
		got.Files[2].Status != "added" || got.Files[2].Patch != "@@ -0,0 +1,2 @@\n+a\n+b" || got.Files[1].Patch != "" {
		t.Errorf("the first commit: %+v", got)
	}

	for _, step := range [][2]string{{"f", "a\nc\ndiff --git a/x b/x\n"}, {odd, "y"}, {"binary", "\x00\x01"}, {"latin", "caf\xe9\n"}} {
		must(t, os.WriteFile(filepath.Join(c.Dir, step[0]), []byte(step[1]), 0o600))
	}
	c.Git("mv", "d/old", "d/new")
	c.Git("rm", "-q", "gone", "kind")
	must(t, os.Symlink("f", filepath.Join(c.Dir, "kind")))
	must(t, os.Chmod(filepath.Join(c.Dir, "script"), 0o755)) //nolint:gosec // of a test
	c.Git("add", "--all")
	second := c.Commit("two")
	want := &Changes{
		Files: []FileChange{
			{Status: "added", Path: "binary", SHA: blob("HEAD:binary")},
			{Status: "renamed", Path: "d/new", Previous: "d/old", SHA: blob("HEAD:d/new")},
			{Status: "modified", Path: "f", SHA: blob("HEAD:f"), Additions: 2, Deletions: 1, Patch: "@@ -1,2 +1,3 @@\n a\n-b\n+c\n+diff --git a/x b/x"},
			{Status: "removed", Path: "gone", SHA: blob(first + ":gone"), Deletions: 2, Patch: "@@ -1,2 +0,0 @@\n-1\n-2"},
			{
				Status: "changed", Path: "kind", SHA: blob("HEAD:kind"), Additions: 1, Deletions: 1,
				Patch: "@@ -1 +0,0 @@\n-k\n@@ -0,0 +1 @@\n+f\n\\ No newline at end of file",
			},
			{Status: "added", Path: "latin", SHA: blob("HEAD:latin"), Additions: 1, Patch: "@@ -0,0 +1 @@\n+caf\ufffd"},
			{Status: "changed", Path: "script", SHA: blob("HEAD:script")},
			{Status: "modified", Path: odd, SHA: blob("HEAD:" + odd), Additions: 1, Deletions: 1, Patch: "@@ -1 +1 @@\n-x\n+y\n\\ No newline at end of file"},
		},
		Total: 8, Additions: 5, Deletions: 5,
	}
	if diff := cmp.Diff(want, changes(t, g, c, second, all), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the second commit (-want +got):\n%s", diff)
	}
	for size := 1; size <= 3; size++ {
		var files []FileChange
		for number := 1; len(files) < 8; number++ {
			page := changes(t, g, c, second, actions.Page{Number: number, Size: size})
			if page.Total != want.Total || page.Additions != want.Additions || page.Deletions != want.Deletions || len(page.Files) == 0 {
				t.Fatalf("page %d of %d: %+v", number, size, page)
			}
			files = append(files, page.Files...)
		}
		if diff := cmp.Diff(want.Files, files); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
	}
	if page := changes(t, g, c, second, actions.Page{Number: 9, Size: 300}); len(page.Files) != 0 || page.Additions != 5 {
		t.Errorf("behind the last page: %+v", page)
	}

	empty := c.Commit("nothing")
	if got := changes(t, g, c, empty, all); len(got.Files) != 0 || got.Total != 0 {
		t.Errorf("an empty commit: %+v", got)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAMergeIsComparedWithItsFirstParent(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	c.Commit("base", "a", "1\n")
	c.Git("checkout", "-q", "-b", "side")
	c.Commit("side", "b", "2\n")
	c.Git("checkout", "-q", "main")
	c.Commit("main", "c", "3\n")
	c.Git("merge", "-q", "--no-ff", "-m", "merge", "side")
	got := changes(t, g, c, c.Git("rev-parse", "HEAD"), all)
	if len(got.Files) != 1 || got.Files[0].Path != "b" {
		t.Errorf("a merge: %+v", got)
	}
}

func TestChangesOfACommitAreBounded(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	c.Commit("few")
	files := make([]string, 0, 2*(maxChanges+50))
	for i := range maxChanges + 50 {
		files = append(files, fmt.Sprintf("many/%04d", i), fmt.Sprintf("%d\n", i))
	}
	many := c.Commit("many", files...)
	got := changes(t, g, c, many, actions.Page{Number: 10, Size: 300})
	if got.Total != maxChanges || got.Additions != maxChanges+50 || len(got.Files) != 300 || got.Files[299].Patch != "@@ -0,0 +1 @@\n+2999" {
		t.Errorf("many files: %d of %d, %d lines", len(got.Files), got.Total, got.Additions)
	}
	line := strings.Repeat("x", maxPatch/4) + "\n"
	large := c.Commit("large", "a", strings.Repeat(line, 4), "b", line, "c", line, "d", line, "e", strings.Repeat(line, 3), "f", strings.Repeat(line, 3), "g", "end\n",
		"h", strings.Repeat("y\n", 3<<20))
	got = changes(t, g, c, large, all)
	var with []string
	for _, f := range got.Files {
		if f.Patch != "" {
			with = append(with, f.Path)
		}
	}
	if strings.Join(with, " ") != "b c d e g" || got.Additions != 14 {
		t.Errorf("patches of %v, %d lines", with, got.Additions)
	}
	commit, err := g.View(1).Commit(t.Context(), large)
	must(t, err)
	g.limits.Time = time.Nanosecond
	if _, err := g.View(1).Changes(t.Context(), commit, all); actions.KindOf(err) != actions.Unavailable {
		t.Errorf("where it takes too long: %v", err)
	}
}
