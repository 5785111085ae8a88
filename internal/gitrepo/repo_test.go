package gitrepo

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestRepositoriesComeAndGo(t *testing.T) {
	g := newTestGit(t, Limits{})
	if err := g.Create(t.Context(), 7, "trunk"); err != nil {
		t.Fatal(err)
	}
	if err := g.Create(t.Context(), 7, "main"); err != nil {
		t.Errorf("again: %v", err)
	}
	if head, err := g.Head(7); head != "trunk" || err != nil {
		t.Errorf("head: %q, %v", head, err)
	}
	if err := g.SetHead(t.Context(), 7, "feature/x"); err != nil {
		t.Error(err)
	}
	if head, err := g.Head(7); head != "feature/x" || err != nil {
		t.Errorf("head: %q, %v", head, err)
	}
	for _, branch := range []string{"", "-x", "a..b", "a b", "x\nref: y"} {
		if err := g.SetHead(t.Context(), 7, branch); actions.KindOf(err) != actions.Invalid {
			t.Errorf("head %q: %v", branch, err)
		}
		if err := g.Create(t.Context(), 8, branch); actions.KindOf(err) != actions.Invalid {
			t.Errorf("create with %q: %v", branch, err)
		}
	}
	if err := g.Delete(t.Context(), 7); err != nil {
		t.Error(err)
	}
	if ok, err := g.Exists(7); ok || err != nil {
		t.Errorf("exists after delete: %v, %v", ok, err)
	}
	if err := g.Delete(t.Context(), 7); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := g.SetHead(t.Context(), 7, "x"); actions.KindOf(err) != actions.NotFound {
		t.Errorf("head of nothing: %v", err)
	}
	left, err := os.ReadDir(g.temporaryDir())
	if len(left) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNewRefusesAForeignHook(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "hooks"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "hooks", "post-receive"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := New(root, Limits{}, slog.New(slog.DiscardHandler), time.Now); err == nil || !strings.Contains(err.Error(), "post-receive") {
		t.Errorf("got %v", err)
	}
}

func TestDataIsForTheServerAlone(t *testing.T) {
	g := newTestGit(t, Limits{})
	info, err := os.Stat(g.root)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("root: %v, %v", info, err)
	}
}

func TestRefNames(t *testing.T) {
	for name, valid := range map[string]bool{
		"refs/heads/main": true, "refs/heads/a/b-c.d": true, "refs/tags/v1.0": true, "refs/notes/commits": true,
		"refs/heads/ümlaut": true, "refs/x/y": true, "refs/heads/refs/tags/x": true, "refs/heads/@": true,
		"": false, "main": false, "refs/": false, "refs/heads": false, "refs/heads/": false, "refs//x": false, "HEAD": false,
		"refs/pull/1/head": false, "refs/heads/-x": false, "refs/heads/a/-b": false, "refs/heads/.a": false, "refs/heads/a.": false,
		"refs/heads/a.lock": false, "refs/heads/a.lock/b": false, "refs/heads/a..b": false, "refs/heads/a@{b": false,
		"refs/heads/a b": false, "refs/heads/a~b": false, "refs/heads/a^b": false, "refs/heads/a:b": false, "refs/heads/a?b": false,
		"refs/heads/a*b": false, "refs/heads/a[b": false, `refs/heads/a\b`: false, "refs/heads/a\x01b": false, "refs/heads/a\x7fb": false,
		"refs/heads/a\nb": false, "refs/heads/\xff": false, "refs/heads/HEAD": false, "refs/../x/y": false, "refs/heads/../../config": false,
		"refs/heads/" + strings.Repeat("x", 300): false, "refs/heads/" + strings.Repeat("a", 40): false,
		"refs/tags/" + strings.Repeat("A", 40): false, "refs/heads/" + strings.Repeat("g", 40): true,
	} {
		if err := CheckRef(name); (err == nil) != valid {
			t.Errorf("%.60q: %v, want valid %v", name, err, valid)
		}
	}
}
