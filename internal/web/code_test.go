package web_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/store"
)

func TestFilesAndCommitsOfARepositoryHavePages(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	repo := ts.Repository(octo, "hello", true)
	token := ts.Token(octo, "repo", "workflow")
	sha := ts.Push(repo, "feature/x", token, map[string]string{
		".github/workflows/ci.yml": "on: push\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n",
		"README.md":                "<script>alert(1)</script>", "picture": "\x00\x01", "a dir/b & c.txt": "deep", "long": strings.Repeat("x", 600<<10),
	})
	b := ts.signedIn(octo)
	for path, want := range map[string]string{
		"/octo":                                            `href="/octo/hello`,
		"/apps/github-actions":                             "github-actions[bot]",
		"/octo/hello/commit/" + sha:                        "/octo/hello/actions/runs/1",
		"/octo/hello/commit/" + sha[:10]:                   "with a body",
		"/octo/hello/commit/feature%2Fx":                   sha,
		"/octo/hello/tree/feature/x":                       `href="/octo/hello/tree/feature/x/a%20dir"`,
		"/octo/hello/tree/" + sha + "/a%20dir":             `href="/octo/hello/blob/` + sha + `/a%20dir/b%20&amp;%20c.txt"`,
		"/octo/hello/blob/feature/x/a%20dir/b%20&%20c.txt": "deep",
		"/octo/hello/blob/feature/x/README.md":             "&lt;script&gt;alert(1)&lt;/script&gt;",
		"/octo/hello/blob/feature/x/picture":               "no text",
		"/octo/hello/blob/feature/x/long":                  "too large",
		"/octo/hello/tree/feature/x/.github":               "workflows/",
	} {
		got := b.get(path)
		if got.status != http.StatusOK || !strings.Contains(got.body, want) || strings.Contains(got.body, "<script>alert") {
			t.Errorf("%s: %d, without %q: %.2000s", path, got.status, want, got.body)
		}
		if other := ts.browser().get(path); strings.Contains(path, "hello") && other.status != http.StatusNotFound {
			t.Errorf("nobody, %s: %d", path, other.status)
		}
	}
	for _, path := range []string{
		"/nobody", "/ghost", "/github-actions[bot]", "/octo/hello/tree/feature", "/octo/hello/tree/main", "/octo/hello/blob/feature/x/none",
		"/octo/hello/blob/feature/x/../../x", "/octo/hello/commit/" + strings.Repeat("0", 40), "/octo/hello/commit/--all", "/octo/hello/tree/" + strings.Repeat("a/", 500),
	} {
		if got := b.get(path); got.status != http.StatusNotFound && got.status/100 != 3 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := ts.browser().get("/octo"); got.status != http.StatusOK || strings.Contains(got.body, "hello") || strings.Contains(got.body, "Sign out") {
		t.Errorf("nobody sees of octo: %d %s", got.status, got.body)
	}
}

// What git takes has no bound that a page could rely on: a commit of a few megabytes, and
// directories that are as deep and have names as long as somebody likes.
func TestPagesOfHostileCommitsAreSmall(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	repo := ts.Repository(octo, "hello", false)
	token, dir := ts.Token(octo, "repo"), t.TempDir()
	git := func(args ...string) string { return ts.RunGit(dir, args...) }
	object := func(kind, text string) string {
		file := filepath.Join(dir, "object")
		ts.Must(os.WriteFile(file, []byte(text), 0o600))
		return git("hash-object", "-t", kind, "-w", file)
	}
	bytesOf := func(sha string) string {
		var b [20]byte
		for i := range b {
			_, err := fmt.Sscanf(sha[2*i:2*i+2], "%02x", &b[i])
			ts.Must(err)
		}
		return string(b[:])
	}
	git("init", "-q", "-b", "main")
	blob := bytesOf(object("blob", "text"))
	var wide strings.Builder
	for i := range 900 {
		fmt.Fprintf(&wide, "100644 %04d%s\x00%s", i, strings.Repeat(`"`, 3000), blob)
	}
	tree := object("tree", wide.String())
	deep := object("tree", "100644 file\x00"+blob)
	for range 600 {
		deep = object("tree", "40000 d\x00"+bytesOf(deep))
	}
	root := object("tree", "40000 deep\x00"+bytesOf(deep)+"40000 wide\x00"+bytesOf(tree))
	who := "Mona <mona@example.com> 1700000000 +0000"
	var parents strings.Builder
	for i := range 150 {
		parent := object("commit", fmt.Sprintf("tree %s\nauthor %s\ncommitter %s\n\n%d\n", root, who, who, i))
		fmt.Fprintf(&parents, "parent %s\n", parent)
	}
	long := strings.Repeat(`"`, 1<<20)
	sha := object("commit", fmt.Sprintf("tree %s\n%sauthor %s%s\ncommitter %s\n\n%s\n", root, parents.String(), long, who, who, long))
	git("push", "-q", ts.Remote(repo, token), sha+":refs/heads/main")

	b := ts.browser()
	down := strings.TrimSuffix(strings.Repeat("d/", 600), "/")
	for path, want := range map[string]string{
		"/octo/hello/commit/" + sha:                    "…",
		"/octo/hello/tree/main/wide":                   "…",
		"/octo/hello/tree/main/deep/" + down:           "too long",
		"/octo/hello/blob/main/deep/" + down + "/file": "too long",
		"/octo/hello/tree/main/deep/" + down[:2*500-1]: `class="title"`,
		"/octo/hello/tree/main/wide/" + down[:2*600-1]: "",
	} {
		got := b.get(path)
		if len(got.body) > 2<<20 || !strings.Contains(got.body, want) || (got.status == http.StatusOK) != (want != "") {
			t.Errorf("%.60s: %d, %d kB, without %q: %.300s", path, got.status, len(got.body)>>10, want, got.body)
		}
	}
}

func TestTheDefaultBranchIsFoundWhateverItsName(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	repo := ts.Repository(octo, "hello", false)
	const branch = "fix/#1"
	ts.Push(repo, branch, ts.Token(octo, "repo"), map[string]string{"README.md": "hello"})
	ts.update(func(tx *store.Tx) error {
		repo.DefaultBranch = branch
		return tx.UpdateRepository(t.Context(), repo)
	})
	const files = "/octo/hello/tree/fix/%231"
	if got := ts.browser().get("/octo/hello"); !strings.Contains(got.body, `href="`+files+`"`) {
		t.Errorf("no link to %s: %s", files, got.body)
	}
	if got := ts.browser().get(files); !strings.Contains(got.body, "README.md") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
