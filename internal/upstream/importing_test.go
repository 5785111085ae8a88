package upstream_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/upstream"
	"github.com/understudy-ci/understudy/internal/workflow"
)

func noHosts(_ *world, c *upstream.Config) { c.Hosts = nil }

// imports brings something in, and returns the commit of each name.
func (w *world) imports(in upstream.Import) map[string]string {
	w.t.Helper()
	got := map[string]string{}
	w.must(w.Import(w.t.Context(), in, func(a *actions.KeptAction, refs []string) {
		for _, r := range refs {
			got[r] = a.SHA
		}
	}))
	return got
}

func TestGitSourcesKeepTheirCommits(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, noHosts)
		tree := w.host.Add("any/name")
		first := tree.Commit("one", "action.yml", "one")
		tree.Git("tag", "-a", "v1", "-m", "one")
		second := tree.Commit("two", "action.yml", "two")
		tree.Git("push", "-q", "origin", "main", "v1")
		bundle := filepath.Join(t.TempDir(), "x.bundle")
		tree.Git("bundle", "create", "-q", bundle, "main", "v1")

		want := map[string]string{"main": second, "v1": first}
		for name, from := range map[string]string{"octo/tree": tree.Dir, "octo/bare": w.host.Path("any/name"), "octo/bundle": bundle, "octo/url": w.host.URL + "/any/name.git"} {
			if diff := cmp.Diff(want, w.imports(upstream.Import{Name: name, From: from})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			f := w.found(name+"@v1", first)
			if got := files(t, w.Upstream, f.Action)["action.yml"]; got != "one" || f.Action.Origin != actions.Imported || !f.AskedAt.IsZero() || f.Stale != nil {
				t.Errorf("%s: %q, %+v", name, got, f)
			}
			w.found(name+"@main", second)
			w.found(name+"@"+first, first) // by its own name, too
		}
		if diff := cmp.Diff(map[string]string{"v1": first}, w.imports(upstream.Import{Name: "octo/one", Ref: "v1", From: bundle})); diff != "" {
			t.Errorf("one version (-want +got):\n%s", diff)
		}
		w.missing("octo/one@main", actions.NotFound, "")
		w.imports(upstream.Import{Name: "octo/sha", Ref: first, From: tree.Dir})
		w.found("octo/sha@"+first, first)
	})
}

func TestFilesWithoutGitGetACommitThatIsMadeHere(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, noHosts)
		tree := gittest.New(t, "none")
		tree.Commit("one", "action.yml", "one", "sub dir/\"quoted\"", "x", "bin/run", "#!/bin/sh\n")
		w.must(os.Chmod(filepath.Join(tree.Dir, "bin/run"), 0o755))
		w.must(os.Symlink("action.yml", filepath.Join(tree.Dir, "link")))
		tree.Git("add", "-A")
		tree.Git("commit", "-q", "-m", "modes")
		tarball := filepath.Join(t.TempDir(), "x.tar.gz")
		tree.Git("archive", "--format=tar.gz", "--prefix=tool-1.0/", "-o", tarball, "HEAD")
		w.must(os.RemoveAll(filepath.Join(tree.Dir, ".git")))

		a := w.imports(upstream.Import{Name: "octo/dir", Ref: "v1", From: tree.Dir})["v1"]
		b := w.imports(upstream.Import{Name: "octo/tar", Ref: "v1", From: tarball})["v1"]
		for name, sha := range map[string]string{"octo/dir": a, "octo/tar": b} {
			f := w.found(name+"@v1", sha)
			want := map[string]string{"action.yml": "one", "sub dir/\"quoted\"": "x", "bin/run": "#!/bin/sh\n"}
			if diff := cmp.Diff(want, files(t, w.Upstream, f.Action)); diff != "" || f.Action.Origin != actions.MadeHere {
				t.Errorf("%s: %+v (-want +got):\n%s", name, f.Action, diff)
			}
			w.missing(name+"@"+sha, actions.NotFound, "") // nobody else has it
			w.missing(name+"@v2", actions.NotFound, "")
		}
		if again := w.imports(upstream.Import{Name: "octo/dir", Ref: "v1", From: tree.Dir})["v1"]; again != a {
			t.Errorf("the same files are %s and %s", a, again)
		}
	})
}

func TestImportsThatCannotBeAreRefused(t *testing.T) {
	w := newWorld(t, storetest.Open(t), noHosts)
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		to := filepath.Join(dir, name)
		w.must(os.MkdirAll(filepath.Dir(to), 0o755))
		w.must(os.WriteFile(to, content, 0o600))
		return to
	}
	acts := filepath.Dir(file("acts/action.yml", []byte("name: x")))
	w.must(w.store.CreateAccount(t.Context(), &actions.Account{Login: "acme", Type: actions.User, CreatedAt: w.clock(), UpdatedAt: w.clock()}))
	for name, c := range map[string]struct {
		in   upstream.Import
		kind actions.Kind
	}{
		"no version":       {upstream.Import{Name: "octo/x", From: acts}, actions.Invalid},
		"a SHA of files":   {upstream.Import{Name: "octo/x", Ref: strings.Repeat("a", 40), From: acts}, actions.Invalid},
		"an owner here":    {upstream.Import{Name: "acme/x", Ref: "v1", From: acts}, actions.Conflict},
		"no action":        {upstream.Import{Name: "octo/x", Ref: "v1", From: filepath.Dir(file("none/readme", nil))}, actions.Invalid},
		"no tarball":       {upstream.Import{Name: "octo/x", Ref: "v1", From: file("x.zip", []byte("PK\x03\x04 and what else a zip has"))}, actions.Invalid},
		"no name":          {upstream.Import{Name: "octo", Ref: "v1", From: acts}, actions.Invalid},
		"a strange ref":    {upstream.Import{Name: "octo/x", Ref: "-v", From: acts}, actions.Invalid},
		"a climbing file":  {upstream.Import{Name: "octo/x", Ref: "v1", From: file("climb.tar", tarOf("a/action.yml", "a/../../x"))}, actions.Invalid},
		"a file in .git":   {upstream.Import{Name: "octo/x", Ref: "v1", From: file("git.tar", tarOf("action.yml", ".GIT/config"))}, actions.Invalid},
		"a broken bundle":  {upstream.Import{Name: "octo/x", Ref: "v1", From: file("x.bundle", []byte("# v2 git bundle\nnonsense\n"))}, actions.Unavailable},
		"no such ref":      {upstream.Import{Name: "octo/x", Ref: "v9", From: bareWithMain(t)}, actions.NotFound},
		"nothing at a URL": {upstream.Import{Name: "octo/x", Ref: "v9", From: w.host.URL + "/no/such"}, actions.NotFound},
	} {
		err := w.Import(t.Context(), c.in, func(*actions.KeptAction, []string) { t.Errorf("%s: it is kept", name) })
		if actions.KindOf(err) != c.kind {
			t.Errorf("%s: %q (%v), want %q", name, actions.KindOf(err), err, c.kind)
		}
	}
}

func bareWithMain(t *testing.T) string {
	t.Helper()
	tree := gittest.New(t, "none")
	tree.Commit("one")
	return tree.Dir
}

func tarOf(names ...string) []byte {
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, name := range names {
		_ = tw.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1})
		_, _ = tw.Write([]byte("x"))
	}
	_ = tw.Close()
	return b.Bytes()
}

func TestWhatIsExportedIsTheSameElsewhere(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, nil)
		tree := w.host.Add("far/tool")
		sha := tree.Commit("one", "action.yml", "one")
		tree.Git("push", "-q", "origin", "main")
		w.found("far/tool@main", sha)
		made := gittest.New(t, "none")
		made.Commit("x", "action.yml", "made")
		w.must(os.RemoveAll(filepath.Join(made.Dir, ".git")))
		own := w.imports(upstream.Import{Name: "near/files", Ref: "v1", From: made.Dir})["v1"]

		var out bytes.Buffer
		n, err := w.Export(t.Context(), nil, &out)
		w.must(err)
		if n != 2 {
			t.Errorf("exported %d, want 2", n)
		}
		if _, err := w.Export(t.Context(), []string{"no/such"}, io.Discard); actions.KindOf(err) != actions.NotFound {
			t.Errorf("what is not kept: %v", err)
		}

		fresh := newWorld(t, storetest.Open(t), noHosts)
		got := map[string]string{}
		fresh.must(fresh.ImportExport(t.Context(), bytes.NewReader(out.Bytes()), func(a *actions.KeptAction, refs []string) { got[a.Name+"@"+strings.Join(refs, ",")] = a.SHA }))
		if diff := cmp.Diff(map[string]string{"far/tool@main": sha, "near/files@v1": own}, got); diff != "" {
			t.Errorf("imported (-want +got):\n%s", diff)
		}
		f := fresh.found("far/tool@"+sha, sha)
		if f.Action.Origin != actions.Imported || f.Action.Host != w.host.URL || files(t, fresh.Upstream, f.Action)["action.yml"] != "one" {
			t.Errorf("%+v", f.Action)
		}
		fresh.found("far/tool@main", sha)
		fresh.found("near/files@v1", own)
		fresh.missing("near/files@"+own, actions.NotFound, "")

		// Nothing is taken that is not what its name says.
		for name, bad := range map[string][]byte{
			"another commit": bytes.ReplaceAll(out.Bytes(), []byte(sha), []byte(strings.Repeat("b", 40))),
			"cut short":      out.Bytes()[:bytes.Index(out.Bytes(), []byte("PACK"))+60],
			"no export":      []byte("something else"),
			"nothing":        nil,
			"a changed pack": changed(out.Bytes(), "PACK"),
		} {
			other := newWorld(t, storetest.Open(t), noHosts)
			if err := other.ImportExport(t.Context(), bytes.NewReader(bad), func(*actions.KeptAction, []string) {}); actions.KindOf(err) != actions.Invalid {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := other.resolve("far/tool@main"); err == nil {
				t.Errorf("%s: it is kept", name)
			}
		}
	})
}

// changed changes a byte some way behind where a text is first.
func changed(b []byte, mark string) []byte {
	b = bytes.Clone(b)
	b[bytes.Index(b, []byte(mark))+40] ^= 1
	return b
}

func TestWhatIsRemovedIsForgotten(t *testing.T) {
	w := newWorld(t, storetest.Open(t), noHosts)
	tree := gittest.New(t, "none")
	first := tree.Commit("one", "action.yml", "one")
	tree.Git("tag", "v1")
	tree.Git("tag", "v1.0")
	second := tree.Commit("two", "action.yml", "two")
	w.imports(upstream.Import{Name: "octo/x", From: tree.Dir})
	remove := func(name, ref string, want int) {
		t.Helper()
		if n, err := w.Remove(t.Context(), name, ref); err != nil || n != want {
			t.Errorf("%s@%s: %d removed, %v; want %d", name, ref, n, err, want)
		}
	}
	remove("Octo/X", "v1", 0) // v1.0 is the same
	w.missing("octo/x@v1", actions.NotFound, "")
	w.found("octo/x@v1.0", first)
	remove("octo/x", "v1.0", 1)
	w.missing("octo/x@"+first, actions.NotFound, "")
	remove("octo/x", second, 1)
	if _, err := w.Remove(t.Context(), "octo/x", ""); actions.KindOf(err) != actions.NotFound {
		t.Errorf("what is gone: %v", err)
	}
	dead, err := w.store.DeadBlobs(t.Context(), 10)
	w.must(err)
	if len(dead) != 4 {
		t.Errorf("%d blobs are to be deleted, want those of two commits", len(dead))
	}
}

func TestAMirrorFollowsWhatActionsUse(t *testing.T) {
	w := newWorld(t, storetest.Open(t), nil)
	add := func(name string, files ...string) string {
		tree := w.host.Add(name)
		sha := tree.Commit("one", files...)
		tree.Git("tag", "v1")
		tree.Git("push", "-q", "origin", "main", "v1")
		return sha
	}
	composite := func(uses ...string) string {
		text := "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n"
		for _, u := range uses {
			text += "    - uses: " + u + "\n"
		}
		return text
	}
	add("far/outer", "action.yml", composite("far/inner/sub@v1", "$/other", "./local", "docker://alpine:3"), "other/action.yml", composite("far/third@v1"))
	add("far/inner", "sub/action.yaml", composite("far/outer@v1", "far/lost@v1"))
	add("far/third", "Dockerfile", "FROM scratch")
	add("far/near", "action.yml", "name: x\ndescription: x\nruns:\n  using: node20\n  main: x.js\n")
	root := t.TempDir()
	file := func(name, text string) string {
		to := filepath.Join(root, name)
		w.must(os.MkdirAll(filepath.Dir(to), 0o755))
		w.must(os.WriteFile(to, []byte(text), 0o600))
		return to
	}
	file(".github/actions/own/action.yml", composite("far/near@v1"))
	file(".github/workflows/called.yml", "on: workflow_call\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: far/gone@v1\n")
	ci := file(".github/workflows/ci.yml", `on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: ./.github/actions/own
      - uses: far/outer@v1
      - uses: here/tool@v1
  b:
    uses: ./.github/workflows/called.yml
  c:
    uses: far/away/.github/workflows/x.yml@v1
`)
	got := map[string]string{}
	each := func(m upstream.Mirrored) {
		switch {
		case m.Err != nil:
			got[m.Use] = "not had"
		case m.Action != nil:
			got[m.Use] = "kept"
		default:
			got[m.Use] = m.Why
		}
	}
	var uses []upstream.Mirrored
	for _, use := range upstream.UsesOf([]string{ci, filepath.Join(root, "none.yml")}) {
		if use.Err != nil {
			each(use)
			continue
		}
		uses = append(uses, use)
	}
	here := func(_ context.Context, ref *workflow.ActionRef) (string, func(string) ([]byte, error), error) {
		switch ref.Name {
		case "actions/checkout":
			return "carried", nil, nil
		case "here/tool":
			return "here", func(path string) ([]byte, error) { return []byte(composite("far/third@v1")), nil }, nil
		}
		return "", nil, nil
	}
	w.must(w.Mirror(t.Context(), uses, here, each))
	want := map[string]string{
		"actions/checkout@v5": "carried", "far/near@v1": "kept", "far/outer@v1": "kept", "here/tool@v1": "here", "far/gone@v1": "not had",
		"far/away/.github/workflows/x.yml@v1": "not had", filepath.Join(root, "none.yml"): "not had",
		"far/inner/sub@v1": "kept", "far/outer/other@v1": "kept", "docker://alpine:3": "an image of containers, which runners pull themselves",
		"far/third@v1": "kept", "far/lost@v1": "not had",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A bomb is small and unpacks to much.
func TestATarballThatUnpacksWithoutEndIsRefused(t *testing.T) {
	w := newWorld(t, storetest.Open(t), func(w *world, c *upstream.Config) {
		noHosts(w, c)
		c.Limits.Files = 1 << 20
	})
	to := filepath.Join(t.TempDir(), "bomb.tar.gz")
	f, err := os.Create(to)
	w.must(err)
	zw := gzip.NewWriter(f)
	tw := tar.NewWriter(zw)
	w.must(tw.WriteHeader(&tar.Header{Name: "action.yml", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1 << 30}))
	_, err = io.CopyN(tw, zeros{}, 1<<24)
	w.must(err)
	w.must(errors.Join(zw.Close(), f.Close()))
	err = w.Import(t.Context(), upstream.Import{Name: "octo/x", Ref: "v1", From: to}, func(*actions.KeptAction, []string) {})
	if actions.KindOf(err) != actions.Invalid {
		t.Errorf("%v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
