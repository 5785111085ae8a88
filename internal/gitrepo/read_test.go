package gitrepo

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestCommitIsReadAsWritten(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	first := c.Commit("one", "a.txt", "a")
	sha := c.Commit("two\n\nbody\n", "a.txt", "b")
	c.Git("tag", "-a", "v1", "-m", "x")
	c.Git("push", "-q", "origin", "main", "v1")
	got, err := g.View(1).Commit(t.Context(), sha)
	if err != nil {
		t.Fatal(err)
	}
	want := &Commit{
		Parents: []string{first},
		Commit: actions.Commit{
			SHA: sha, Tree: c.Git("rev-parse", "HEAD^{tree}"), Message: "two\n\nbody",
			Author:    actions.Signature{Name: "Ada", Email: "ada@example.com", Time: time.Unix(1700000000, 0).In(time.FixedZone("", 90*60))},
			Committer: actions.Signature{Name: "Bob", Email: "bob@example.com", Time: time.Unix(1700000100, 0).UTC()},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commit (-want +got):\n%s", diff)
	}
	if got.Author.Time.Format(time.RFC3339) != "2023-11-14T23:43:20+01:30" {
		t.Errorf("author's zone is lost: %s", got.Author.Time)
	}
	if got, err := g.View(1).Commit(t.Context(), c.Git("rev-parse", "v1")); err != nil || got.SHA != sha {
		t.Errorf("commit of a tag: %v, %v", got, err)
	}
}

func TestSignatureThatMakesNoSenseStaysEmpty(t *testing.T) {
	for in, want := range map[string]actions.Signature{
		"":                             {},
		"Ada":                          {Name: "Ada"},
		"Ada <a@b> x +0000":            {Name: "Ada", Email: "a@b"},
		"Ada <a@b> 99999999999999 +00": {Name: "Ada", Email: "a@b"},
		"A <a>b> 1 +0000":              {Name: "A", Email: "a>b", Time: time.Unix(1, 0).UTC()},
		"A <a@b> 1 +2400":              {Name: "A", Email: "a@b", Time: time.Unix(1, 0).UTC()},
		"A <a@b> 1 -2360":              {Name: "A", Email: "a@b", Time: time.Unix(1, 0).UTC()},
		"\xff <a@b> 1 nonsense":        {Name: "\ufffd", Email: "a@b", Time: time.Unix(1, 0).UTC()},
	} {
		if diff := cmp.Diff(want, parseSignature(in)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func TestResolveKnowsEveryFormOfARevision(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	a := c.Commit("a")
	c.Git("tag", "-a", "v1", "-m", "x")
	c.Git("tag", "both")
	b := c.Commit("b")
	c.Git("branch", "both")
	c.Git("tag", "tree", "HEAD^{tree}")
	c.Git("push", "-q", "origin", "main", "refs/heads/both", "--tags")
	for rev, want := range map[string]string{
		"HEAD": b, "main": b, "refs/heads/main": b, "heads/main": b, "v1": a, "tags/v1": a,
		"refs/tags/v1": a, "both": b, "refs/tags/both": a, a: a,
		"refs/tags/tree": "", "nope": "", "refs/heads/nope": "", actions.ZeroSHA: "", "": "", "--help": "", "../x": "", "main~1": "",
		"main\nHEAD": "", strings.Repeat("x", 5000): "", a[:10]: "", "refs/heads": "", "HEAD:a": "",
	} {
		got, err := g.Resolve(t.Context(), 1, rev)
		if got != want || (want == "") != (actions.KindOf(err) == actions.NotFound) {
			t.Errorf("%.60q: got %q, %v; want %q", rev, got, err, want)
		}
	}
	if _, err := g.Resolve(t.Context(), 2, "main"); actions.KindOf(err) != actions.NotFound {
		t.Errorf("repository that does not exist: %v", err)
	}
}

func TestFilesAndDirectoriesOfACommit(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	sha := c.Commit("a", "dir/a b.txt", "hello", "dir/sub/x", "", "big", strings.Repeat("x", 1000))
	c.Git("push", "-q", "origin", "main")
	if data, err := g.ReadFile(t.Context(), 1, sha, "dir/a b.txt", 5); err != nil || string(data) != "hello" {
		t.Errorf("file: %q, %v", data, err)
	}
	entries, err := g.View(1).ReadDir(t.Context(), sha, "dir")
	if err != nil || len(entries) != 2 || !entries[0].IsRegular() || entries[0].Name != "a b.txt" || !entries[1].IsDir() {
		t.Errorf("directory: %v, %v", entries, err)
	}
	if root, err := g.View(1).ReadDir(t.Context(), sha, ""); err != nil || len(root) != 2 {
		t.Errorf("root: %v, %v", root, err)
	}
	for path, want := range map[string]actions.Kind{
		"big": actions.Invalid, "dir": actions.NotFound, "nope": actions.NotFound, "dir/nope/x": actions.NotFound,
		"../x": actions.Invalid, "/dir": actions.Invalid, "dir//x": actions.Invalid, "a\nb": actions.Invalid, "./dir": actions.Invalid,
		"x\x00y": actions.Invalid, strings.Repeat("x", 5000): actions.Invalid, "dir missing": actions.NotFound,
	} {
		if _, err := g.ReadFile(t.Context(), 1, sha, path, 999); actions.KindOf(err) != want {
			t.Errorf("%.50q: got %v, want %s", path, err, want)
		}
	}
}

func TestChangedFilesStopAtTheLimit(t *testing.T) { // TRG-7
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	a := c.Commit("a", "keep/x", "1", "gone/y", "1", "same", "1", "thing", "file", "moved", "content")
	c.Git("rm", "-q", "gone/y", "thing")
	c.Git("mv", "moved", "elsewhere")
	b := c.Commit("b", "keep/x", "2", "new/deep/z", "1", "thing/inside", "1")
	files := make([]string, 0, 800)
	for i := range 400 {
		files = append(files, fmt.Sprintf("many/%03d", i), "x")
	}
	d := c.Commit("many", files...)
	c.Git("push", "-q", "origin", "main")
	got, more, err := g.View(1).ChangedFiles(t.Context(), a, b, 300)
	want := []string{"elsewhere", "gone/y", "keep/x", "moved", "new/deep/z", "thing", "thing/inside"}
	if diff := cmp.Diff(want, got); diff != "" || more || err != nil {
		t.Errorf("more %v, err %v (-want +got):\n%s", more, err, diff)
	}
	if got, more, err := g.View(1).ChangedFiles(t.Context(), b, d, 300); len(got) != 300 || !more || err != nil {
		t.Errorf("%d files, more %v, err %v; want 300 and more", len(got), more, err)
	}
	if got, more, err := g.View(1).ChangedFiles(t.Context(), actions.ZeroSHA, a, 300); len(got) != 5 || more || err != nil {
		t.Errorf("whole tree: %v, %v, %v", got, more, err)
	}
	if got, _, err := g.View(1).ChangedFiles(t.Context(), a, a, 300); len(got) != 0 || err != nil {
		t.Errorf("nothing changed: %v, %v", got, err)
	}
}

func TestHistoryBetweenTwoCommits(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	var shas []string
	for i := range 25 {
		shas = append(shas, c.Commit(fmt.Sprint(i)))
	}
	c.Git("checkout", "-q", "-b", "side", shas[3])
	side := c.Commit("side")
	c.Git("checkout", "-q", "main")
	c.Git("merge", "-q", "--no-ff", "-m", "merge", "side")
	merge := c.Git("rev-parse", "HEAD")
	c.Git("push", "-q", "origin", "main")
	c.Git("checkout", "-q", "-b", "new", shas[5])
	fresh := c.Commit("fresh")
	c.Git("push", "-q", "origin", "new")

	between := func(before, after string, limit int) string {
		commits, more, err := g.View(1).CommitsBetween(t.Context(), before, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return subjects(commits, more)
	}
	for _, tt := range []struct {
		name, before, after string
		limit               int
		want                string
	}{
		{"one", shas[1], shas[2], 10, "2"},
		{"straight", shas[1], shas[4], 10, "2 3 4"},
		{"straight and too many", shas[1], shas[4], 2, "3 4 …"},
		{"long", shas[0], shas[24], 3, "22 23 24 …"},
		{"none", shas[2], shas[2], 10, ""},
		{"backwards", shas[4], shas[2], 10, ""},
		{"merge", shas[24], merge, 10, "side merge"},
		{"other branch", fresh, side, 10, "side"},
		{"all", actions.ZeroSHA, shas[2], 10, "0 1 2"},
	} {
		if got := between(tt.before, tt.after, tt.limit); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	commits, more, err := g.View(1).NewCommits(t.Context(), "refs/heads/new", fresh, 10)
	if got := subjects(commits, more); got != "fresh" || err != nil {
		t.Errorf("new branch: %q, %v", got, err)
	}
	for _, tt := range []struct {
		ancestor, sha string
		want          bool
	}{
		{shas[0], shas[1], true},
		{shas[1], shas[0], false},
		{shas[0], merge, true},
		{side, merge, true},
		{fresh, merge, false},
		{merge, merge, true},
	} {
		if got, err := g.View(1).IsAncestor(t.Context(), tt.ancestor, tt.sha); got != tt.want || err != nil {
			t.Errorf("IsAncestor(%s, %s) = %v, %v", tt.ancestor, tt.sha, got, err)
		}
	}
}

func subjects(commits []*Commit, more bool) string {
	var words []string
	for _, c := range commits {
		words = append(words, strings.TrimSpace(c.Message))
	}
	if more {
		words = append(words, "…")
	}
	return strings.Join(words, " ")
}

func TestRefsAreReadLooseAndPacked(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	a := c.Commit("a")
	c.Git("push", "-q", "origin", "main", "main:b/deep", "main:refs/tags/t", "main:refs/notes/n")
	if out, err := g.inRepo(t.Context(), 1, "pack-refs", "--all").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b := c.Commit("b")
	c.Git("push", "-q", "origin", "main", ":b/deep", "main:b")
	for prefix, want := range map[string][]Ref{
		"refs/":         {{"refs/heads/b", b}, {"refs/heads/main", b}, {"refs/notes/n", a}, {"refs/tags/t", a}},
		"refs/heads/":   {{"refs/heads/b", b}, {"refs/heads/main", b}},
		"refs/heads/x/": {},
	} {
		got, err := g.View(1).Refs(t.Context(), prefix)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", prefix, err, diff)
		}
	}
	if _, err := g.View(1).Refs(t.Context(), "refs/../"); actions.KindOf(err) != actions.Invalid {
		t.Errorf("climbing prefix: %v", err)
	}
	if got, err := g.View(1).Ref("refs/tags/t"); got != a || err != nil {
		t.Errorf("packed ref: %q, %v", got, err)
	}
}

func TestArchivesHaveOneDirectory(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	sha := c.Commit("a", "action.yml", "name: x", "dist/i.js", "1")
	c.Git("push", "-q", "origin", "main")
	var tgz, zipped bytes.Buffer
	if err := errors.Join(
		g.Archive(t.Context(), 1, sha, "octo-hello-1", TarGz, &tgz),
		g.Archive(t.Context(), 1, sha, "octo-hello-1", Zip, &zipped),
	); err != nil {
		t.Fatal(err)
	}
	want := []string{"octo-hello-1/", "octo-hello-1/action.yml", "octo-hello-1/dist/", "octo-hello-1/dist/i.js"}
	z, err := gzip.NewReader(&tgz)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeXGlobalHeader {
			names = append(names, h.Name)
		}
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("tar (-want +got):\n%s", diff)
	}
	r, err := zip.NewReader(bytes.NewReader(zipped.Bytes()), int64(zipped.Len()))
	if err != nil {
		t.Fatal(err)
	}
	names = nil
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("zip (-want +got):\n%s", diff)
	}
	for _, prefix := range []string{"", "../x", "a/b", "-x", "."} {
		if err := g.Archive(t.Context(), 1, sha, prefix, Zip, io.Discard); actions.KindOf(err) != actions.Invalid {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
	if err := g.Archive(t.Context(), 1, strings.Repeat("1", 40), "x", Zip, io.Discard); actions.KindOf(err) != actions.NotFound {
		t.Errorf("unknown commit: %v", err)
	}
}

func TestReadersAreSharedAndSurviveTheirProcess(t *testing.T) {
	g := newTestGit(t, Limits{Readers: 3, IdleReaders: 2})
	c := g.clone(t)
	sha := c.Commit("a", "f", "content")
	c.Git("push", "-q", "origin", "main")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if data, err := g.ReadFile(t.Context(), 1, sha, "f", 100); err != nil || string(data) != "content" {
					t.Errorf("read: %q, %v", data, err)
				}
			}
		})
	}
	wg.Wait()
	g.pool.mu.Lock()
	idle := slices.Clone(g.pool.idle)
	g.pool.mu.Unlock()
	if len(idle) == 0 || len(idle) > 2 {
		t.Errorf("%d idle readers, want 1 or 2", len(idle))
	}
	for _, r := range idle {
		if err := r.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
	}
	for range 3 {
		if _, err := g.ReadFile(t.Context(), 1, sha, "f", 100); err != nil {
			t.Errorf("after the processes died: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.ReadFile(ctx, 1, sha, "f", 100); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled read: %v", err)
	}
}

func TestIdleReadersEnd(t *testing.T) {
	g := newTestGit(t, Limits{Idle: time.Millisecond})
	c := g.clone(t)
	sha := c.Commit("a")
	c.Git("push", "-q", "origin", "main")
	if _, err := g.View(1).Commit(t.Context(), sha); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		g.pool.mu.Lock()
		defer g.pool.mu.Unlock()
		return len(g.pool.idle) == 0
	})
}

// waitFor polls for what another process or goroutine does.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for tick := time.NewTicker(2 * time.Millisecond); !done(); {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("never happened")
		}
	}
}

func TestUnreachableCommits(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	a := c.Commit("a")
	b := c.Commit("b")
	c.Git("push", "-q", "origin", "main")
	c.Git("push", "-q", "-f", "origin", a+":main")
	for sha, want := range map[string]bool{a: true, b: false} {
		if got, err := g.View(1).Reachable(t.Context(), sha, nil); got != want || err != nil {
			t.Errorf("Reachable(%s) = %v, %v; want %v", sha, got, err, want)
		}
	}
	for sha, want := range map[string]bool{a: true, b: false} { // who has a fork makes what a pull request leads to
		if err := g.SetPullRef(t.Context(), 1, "refs/pull/1/head", b); err != nil {
			t.Fatal(err)
		}
		reachable, err := g.View(1).Reachable(t.Context(), sha, nil)
		if !reachable || err != nil {
			t.Errorf("Reachable(%s) = %v, %v with a pull request", sha, reachable, err)
		}
		if got, err := g.View(1).OnBranchOrTag(t.Context(), sha); got != want || err != nil {
			t.Errorf("OnBranchOrTag(%s) = %v, %v; want %v", sha, got, err, want)
		}
	}
	known := func(_ context.Context, shas []string) ([]string, error) { return shas, nil }
	if got, err := g.View(1).Reachable(t.Context(), b, known); !got || err != nil {
		t.Errorf("a commit that is known: %v, %v", got, err)
	}
	if got, err := g.View(1).Reachable(t.Context(), strings.Repeat("1", 40), known); got || err != nil {
		t.Errorf("a commit that is not there: %v, %v", got, err)
	}
}
