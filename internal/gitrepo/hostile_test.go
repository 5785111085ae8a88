package gitrepo

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
)

// request is the body of a push: commands, each "old new ref", and a pack.
func request(pack []byte, commands ...string) []byte {
	var b []byte
	for i, c := range commands {
		if i == 0 {
			c += "\x00 report-status"
		}
		b = append(b, pktLine([]byte(c))...)
	}
	return append(append(b, flushPacket...), pack...)
}

// packOf is what a client sends to bring a commit to a server that has nothing.
func packOf(c *gittest.Tree, rev string) []byte {
	c.T.Helper()
	cmd := exec.CommandContext(c.T.Context(), "git", "pack-objects", "--revs", "--stdout", "-q")
	cmd.Dir = c.Dir
	cmd.Stdin = strings.NewReader(rev + "\n")
	out, err := cmd.Output()
	if err != nil {
		c.T.Fatal(err)
	}
	return out
}

func (g *testGit) noRefs(t *testing.T, name string) {
	t.Helper()
	refs, err := g.View(1).Refs(t.Context(), "refs/")
	if len(refs) != 0 || err != nil {
		t.Errorf("%s: refs %v, %v; want none", name, refs, err)
	}
	left, _ := filepath.Glob(filepath.Join(g.dir(1), "objects", "tmp_objdir-*")) // the pattern is good
	packs, _ := filepath.Glob(filepath.Join(g.dir(1), "objects", "pack", "*"))
	if len(left)+len(packs) != 0 {
		t.Errorf("%s: left behind %v %v", name, left, packs)
	}
}

func TestDamagedPacksLeaveNothing(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	sha := c.Commit("one", "a.txt", strings.Repeat("some content\n", 100))
	pack := packOf(c, "main")
	command := actions.ZeroSHA + " " + sha + " refs/heads/main"
	broken := bytes.Clone(pack)
	broken[len(broken)/2] ^= 0xff
	unfinished := append(bytes.Clone(pack[:12]), pack[len(pack)-20:]...)
	for name, body := range map[string][]byte{
		"cut in the middle": request(pack[:len(pack)/2], command),
		"cut at the end":    request(pack[:len(pack)-1], command),
		"only its head":     request(pack[:12], command),
		"no pack":           request(nil, command),
		"one bit":           request(broken, command),
		"no objects":        request(unfinished, command),
		"not a pack":        request([]byte("GIF89a nonsense nonsense nonsense"), command),
		"missing object":    request(pack, actions.ZeroSHA+" "+strings.Repeat("1", 40)+" refs/heads/main"),
		"empty":             nil,
		"half a length":     []byte("00"),
		"bad length":        []byte("zzzz"),
		"half a command":    request(pack, command)[:50],
		"no flush":          request(nil, command)[:50+len(command)/2],
	} {
		answer := g.post(t, "receive-pack", bytes.NewReader(body))
		if strings.Contains(answer, "ok refs/") {
			t.Errorf("%s: %q", name, answer)
		}
		g.noRefs(t, name)
	}
	for _, applied := range g.applied() {
		if len(applied) != 0 {
			t.Errorf("applied %v", applied)
		}
	}
	if answer := g.post(t, "receive-pack", bytes.NewReader(request(pack, command))); !strings.Contains(answer, "ok refs/heads/main") {
		t.Errorf("the pack as it was: %q", answer)
	}
}

func TestHostileRefNamesAreRefused(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	sha := c.Commit("one")
	pack := packOf(c, "main")
	for _, name := range []string{
		"refs/heads/../../../x", "refs/heads/--upload-pack=x", "-x", "HEAD", "refs/heads/a..b", "refs/heads/x.lock", "refs/pull/1/head",
		"refs/heads/a\nb", "config", "../config", "refs/heads/a\x1b[31m", "refs/heads/" + strings.Repeat("x", 300), "refs/heads/" + sha, "", " ",
		"refs/heads/\xff\xfe", "refs/heads/a\n" + actions.ZeroSHA + " " + sha + " refs/heads/injected", "refs/heads/a\nend", "objects/x", "refs/heads/HEAD",
	} {
		answer := g.post(t, "receive-pack", bytes.NewReader(request(pack, actions.ZeroSHA+" "+sha+" "+name)))
		if strings.Contains(answer, "ok refs/") {
			t.Errorf("%q: %q", name, answer)
		}
		g.noRefs(t, fmt.Sprintf("%q", name))
	}
	for _, applied := range g.applied() {
		if len(applied) != 0 {
			t.Errorf("applied %v", applied)
		}
	}
}

func TestAWrongOldValueIsNoEvent(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	a := c.Commit("one")
	b := c.Commit("two")
	c.Git("push", "-q", "origin", "main")
	var asked []actions.RefUpdate
	g.check = func(_ context.Context, updates []actions.RefUpdate, _ *View) error {
		asked = updates
		return nil
	}
	pack := packOf(c, "main")
	answer := g.post(t, "receive-pack", bytes.NewReader(request(pack,
		a+" "+b+" refs/heads/main",               // where main is already
		b+" "+b+" refs/heads/main2",              // not there
		actions.ZeroSHA+" "+a+" refs/heads/good", // fine
	)))
	if !strings.Contains(answer, "ok refs/heads/good") || strings.Contains(answer, "ok refs/heads/main") {
		t.Errorf("answer %q", answer)
	}
	want := []actions.RefUpdate{{Ref: "refs/heads/good", Before: actions.ZeroSHA, After: a}}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, g.applied()[1]); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	answer = g.post(t, "receive-pack", bytes.NewReader(request(pack,
		actions.ZeroSHA+" "+a+" refs/heads/twice", actions.ZeroSHA+" "+b+" refs/heads/twice")))
	if strings.Contains(answer, "ok refs/") || g.tip(t, "refs/heads/twice") != "" {
		t.Errorf("one ref twice: %q", answer)
	}
}

func TestOnePushOfManyToOneRefWins(t *testing.T) {
	g := newTestGit(t, Limits{})
	base := g.clone(t)
	start := base.Commit("start")
	base.Git("push", "-q", "origin", "main")
	var wg sync.WaitGroup
	clones := make([]*gittest.Tree, 6)
	for i := range clones {
		clones[i] = g.clone(t)
		clones[i].Git("fetch", "-q", "origin")
		clones[i].Git("reset", "-q", "--hard", "origin/main")
		clones[i].Commit(fmt.Sprint(i))
	}
	var mu sync.Mutex
	won := 0
	for _, c := range clones {
		wg.Go(func() {
			if _, err := c.Run("push", "-q", "origin", "main"); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var moved []actions.RefUpdate
	for _, applied := range g.applied()[1:] {
		moved = append(moved, applied...)
	}
	want := []actions.RefUpdate{{Ref: "refs/heads/main", Before: start, After: g.tip(t, "refs/heads/main")}}
	if diff := cmp.Diff(want, moved); diff != "" || won != 1 {
		t.Errorf("%d pushes won (-want +got):\n%s", won, diff)
	}
}

func TestWithoutItsHookNothingIsTaken(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	c.Commit("one")
	if err := os.Remove(g.hookFile()); err != nil {
		t.Fatal(err)
	}
	if out, err := c.Run("push", "origin", "main"); err == nil {
		t.Errorf("push without the hook:\n%s", out)
	}
	g.noRefs(t, "no hook")
}

func TestHostileTreesAreRefused(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	c.Commit("one", "x", "x")
	blob := c.Git("rev-parse", "HEAD:x")
	for _, name := range []string{".git", ".GIT", ".git ", "git~1", ".g\u200cit", "..", ".", "a/b", ""} {
		raw := append([]byte("100644 "+name+"\x00"), fromHex(t, blob)...)
		tree := objectIn(c, "tree", raw)
		sha := c.Git("commit-tree", tree, "-m", "hostile")
		if out, err := c.Run("push", "origin", sha+":refs/heads/x"); err == nil {
			t.Errorf("tree with %q was taken\n%s", name, out)
		}
	}
	link := c.Git("mktree", "--missing") // an empty tree, for comparison
	sha := c.Git("commit-tree", link, "-m", "fine")
	c.Git("push", "-q", "origin", sha+":refs/heads/x")
	url := c.Commit("modules", ".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=evil\n")
	if out, err := c.Run("push", "origin", url+":refs/heads/modules"); err == nil {
		t.Errorf("submodule with an option for its URL was taken\n%s", out)
	}
}

// objectIn writes an object that git itself would not make.
func objectIn(c *gittest.Tree, kind string, data []byte) string {
	c.T.Helper()
	cmd := exec.CommandContext(c.T.Context(), "git", "hash-object", "-t", kind, "-w", "--stdin", "--literally")
	cmd.Dir = c.Dir
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		c.T.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	out := make([]byte, sha1.Size)
	if _, err := fmt.Sscanf(s, "%x", &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMoreUpdatesThanAllowedAreRefused(t *testing.T) {
	g := newTestGit(t, Limits{Updates: 5})
	c := g.clone(t)
	c.Commit("one")
	refs := make([]string, 6)
	for i := range refs {
		refs[i] = fmt.Sprintf("main:b%d", i)
	}
	out, err := c.Run(append([]string{"push", "origin"}, refs...)...)
	if err == nil || !strings.Contains(out, "more than 5 refs in one push") {
		t.Errorf("push: %v\n%s", err, out)
	}
	g.noRefs(t, "six updates")
	c.Git(append([]string{"push", "-q", "origin"}, refs[:5]...)...)
}

func TestClientThatGoesAwayLeavesNothing(t *testing.T) {
	g := newTestGit(t, Limits{})
	c := g.clone(t)
	sha := c.Commit("one")
	body := request(packOf(c, "main"), actions.ZeroSHA+" "+sha+" refs/heads/main")
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	go func() {
		_, _ = writer.Write(body[:len(body)-10])
		cancel()
		_ = reader.Close()
	}()
	var answer bytes.Buffer
	err = g.Receive(ctx, 1, ReceiveOptions{Check: g.check}, reader, &answer)
	if strings.Contains(answer.String(), "ok refs") {
		t.Errorf("answer %q, %v", answer.String(), err)
	}
	g.noRefs(t, "client gone")
}
