package gitrepo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// addPacks adds commits to a branch of repository 1, each in a pack of its own.
func (g *testGit) addPacks(t *testing.T, branch string, n int) {
	t.Helper()
	for i := range n {
		cmd := g.inRepo(t.Context(), 1, "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet")
		from := ""
		if g.tip(t, "refs/heads/"+branch) != "" {
			from = "from refs/heads/" + branch + "^0\n"
		}
		cmd.Stdin = strings.NewReader(fmt.Sprintf("commit refs/heads/%s\ncommitter A <a@b> %d +0000\ndata 1\nx\n%sM 100644 inline f\ndata 2\n%02d\n",
			branch, 1700000000+i, from, i%100))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("fast-import: %v %s", err, out)
		}
	}
}

// addBlob adds an object that nothing names, in a pack of its own.
func (g *testGit) addBlob(t *testing.T, text string) {
	t.Helper()
	cmd := g.inRepo(t.Context(), 1, "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet")
	cmd.Stdin = strings.NewReader(fmt.Sprintf("blob\ndata %d\n%s\n", len(text), text))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("fast-import: %v %s", err, out)
	}
}

// packs are the packs of repository 1.
func (g *testGit) packs(t *testing.T) []string {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(g.dir(1), "objects", "pack", "*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	return packs
}

// whole checks that repository 1 has all objects of a branch's commits.
func (g *testGit) whole(t *testing.T, branch string, commits int) {
	t.Helper()
	if out, err := g.inRepo(t.Context(), 1, "fsck", "--full", "--strict").CombinedOutput(); err != nil {
		t.Errorf("fsck: %v %s", err, out)
	}
	got, _, err := g.View(1).CommitsBetween(t.Context(), actions.ZeroSHA, g.tip(t, "refs/heads/"+branch), 1000)
	if len(got) != commits || err != nil {
		t.Errorf("%s has %d commits, want %d, %v", branch, len(got), commits, err)
	}
}

func TestMaintenanceKeepsEverything(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	g.addPacks(t, "main", manyPacks)
	c.Git("pull", "-q", "origin", "main")
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
	packs := g.packs(t)
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

func TestMaintenanceRunsBesidePushesAndReads(t *testing.T) {
	g := newTestGit(t, Limits{})
	g.addPacks(t, "old", manyPacks)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			if err := g.Maintain(ctx, 1); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			g.addBlob(t, fmt.Sprint("blob ", n)) // there is something to do soon
		}
	})
	wg.Go(func() {
		tip := g.tip(t, "refs/heads/old")
		for ctx.Err() == nil {
			if _, err := g.View(1).Commit(ctx, tip); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	c := g.clone(t)
	const pushes = 20
	for i := range pushes {
		c.Commit(fmt.Sprint(i), "a.txt", fmt.Sprint(i))
		c.Git("push", "-q", "origin", "main")
		c.Git("ls-remote", "-q", "origin", "main")
	}
	cancel()
	wg.Wait()
	g.whole(t, "main", pushes)
	g.whole(t, "old", manyPacks)
}

func TestMaintenanceThatIsKilledLosesNothing(t *testing.T) {
	g := newTestGit(t, Limits{})
	g.addPacks(t, "main", manyPacks)
	git := g.program
	g.program = filepath.Join(t.TempDir(), "git")
	for after := 2; after < 40; after += 4 { // milliseconds; a repack takes some 20
		script := fmt.Sprintf("#!/bin/sh\nexec timeout -s KILL 0.%03d %s \"$@\"\n", after, git)
		if err := os.WriteFile(g.program, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := g.Maintain(t.Context(), 1); err != nil {
			t.Logf("killed after %d ms: %v", after, err)
		}
	}
	g.program = git
	g.whole(t, "main", manyPacks)
	waitFor(t, func() bool { // what the killed ones have left behind has ended
		if err := g.Maintain(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		return len(g.packs(t)) < manyPacks
	})
	g.whole(t, "main", manyPacks)
}

func TestMaintenanceLeavesARepositoryToWhoWorksOnIt(t *testing.T) {
	g := newTestGit(t, Limits{})
	g.addPacks(t, "main", manyPacks)
	f, err := os.Create(filepath.Join(g.dir(1), "understudy-maintenance.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := g.Maintain(t.Context(), 1); err != nil || len(g.packs(t)) != manyPacks {
		t.Errorf("%d packs are left beside another process, want %d, %v", len(g.packs(t)), manyPacks, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.Maintain(t.Context(), 1); err != nil || len(g.packs(t)) == manyPacks {
		t.Errorf("nothing done once the other process has ended, %v", err)
	}
}

func TestWhatAKilledRepackLeavesIsRemovedAndCountsForNothing(t *testing.T) {
	g := newTestGit(t, Limits{RepoBytes: 1 << 20})
	c := g.clone(t)
	c.Commit("one", "a.txt", "a")
	c.Git("push", "-q", "origin", "main")
	pack := filepath.Join(g.dir(1), "objects", "pack")
	old, fresh := filepath.Join(pack, ".tmp-123-pack-0123.pack"), filepath.Join(pack, "tmp_pack_AbCdEf")
	for _, path := range []string{old, fresh} {
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	c.Commit("two", "a.txt", "b")
	c.Git("push", "-q", "origin", "main")
	long := time.Now().Add(-2 * g.limits.Time)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	if err := g.Maintain(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the old file is left: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("a file that may be in use: %v", err)
	}
}
