package gitrepo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestMaintenanceKeepsEverything(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	var input strings.Builder // for fast-import: as many commits as pushes would bring
	for i := range manyPacks {
		fmt.Fprintf(&input, "commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 1\nx\nM 100644 inline f\ndata 2\n%02d\n", 1700000000+i, i)
	}
	script := filepath.Join(c.Dir, "script")
	if err := os.WriteFile(script, []byte(input.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Git("-c", "alias.load=!git fast-import --quiet < script", "load")
	for i := range manyPacks {
		c.Git("push", "-q", "origin", fmt.Sprintf("main~%d:refs/heads/main", manyPacks-1-i))
	}
	refs := []string{"push", "-q", "origin"}
	for i := range manyRefs {
		refs = append(refs, fmt.Sprintf("main:refs/tags/t%d", i))
	}
	c.Git(refs...)
	before, err := g.View(1).Refs(t.Context(), "refs/")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Maintain(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	packs, _ := filepath.Glob(filepath.Join(g.dir(1), "objects", "pack", "*.pack")) // the pattern is good
	if len(packs) > 5 {
		t.Errorf("%d packs are left", len(packs))
	}
	if _, err := os.Stat(filepath.Join(g.dir(1), "refs", "tags", "t0")); !os.IsNotExist(err) {
		t.Errorf("loose ref is left: %v", err)
	}
	after, err := g.View(1).Refs(t.Context(), "refs/")
	if len(after) != len(before) || len(after) != manyRefs+1 || err != nil {
		t.Errorf("%d refs, were %d, %v", len(after), len(before), err)
	}
	commits, _, err := g.View(1).CommitsBetween(t.Context(), actions.ZeroSHA, after[0].SHA, 1000)
	if len(commits) != manyPacks || err != nil {
		t.Errorf("%d commits, %v", len(commits), err)
	}
	c.Commit("after")
	c.Git("push", "-q", "origin", "main", ":refs/tags/t0")
}
