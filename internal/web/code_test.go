package web_test

import (
	"net/http"
	"strings"
	"testing"
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
	if got := ts.browser().get("/octo"); got.status != http.StatusOK || strings.Contains(got.body, "hello") {
		t.Errorf("nobody sees of octo: %d %s", got.status, got.body)
	}
}
