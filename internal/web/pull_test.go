package web_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/servertest"
)

// A proposal is a repository with a branch, and a pull request that wants it in main.
func newProposal(t *testing.T) (ts *testSite, owner *browser, sha string) {
	t.Helper()
	ts = newTestSite(t)
	octo := ts.User("octo")
	repo := ts.Repository(octo, "hello", false)
	token := ts.Token(octo, "repo", "workflow")
	do := func(method, path string, body any) map[string]any {
		t.Helper()
		a := ts.Do(method, servertest.API+"/repos/octo/hello"+path, token, body)
		if a.StatusCode >= http.StatusBadRequest {
			t.Fatalf("%s %s: %d %s", method, path, a.StatusCode, a.Text)
		}
		return a.JSON(ts.TB)
	}
	first := ts.Push(repo, "main", token, map[string]string{
		".github/workflows/ci.yml": "on: pull_request\njobs: {build: {runs-on: x, steps: [{run: 'true'}]}}\n", "README.md": "hello\n",
	})
	do(http.MethodPost, "/git/refs", map[string]any{"ref": "refs/heads/topic", "sha": first})
	commit := do(http.MethodPut, "/contents/new.txt", map[string]any{
		"message": "Add <b>it</b>", "content": base64.StdEncoding.EncodeToString([]byte("one\ntwo\n")), "branch": "topic",
	})["commit"].(map[string]any)
	do(http.MethodPost, "/pulls", map[string]any{"title": "Let it <script>alert(1)</script> in", "body": "Please\n<img src=x>", "head": "topic", "base": "main"})
	return ts, ts.signedIn(octo), commit["sha"].(string)
}

func TestAPullRequestHasAPageWithItsCommitsChecksAndFiles(t *testing.T) {
	ts, owner, sha := newProposal(t)
	page := owner.get("/octo/hello/pull/1")
	for _, want := range []string{
		"Let it &lt;script&gt;alert(1)&lt;/script&gt; in", "<div class=\"md\"><p>Please", "Add &lt;b&gt;it&lt;/b&gt;", sha[:7], "new.txt", "+2 −0",
		"wants to merge", "CI / build", `href="/octo/hello/actions/runs/1/job/1"`, "Merge pull request", "Close pull request",
	} {
		want = strings.Replace(want, "CI / build", ".github/workflows/ci.yml / build", 1)
		if page.status != http.StatusOK || !strings.Contains(page.body, want) {
			t.Fatalf("%d, without %q: %s", page.status, want, page.body)
		}
	}
	if list := owner.get("/octo/hello/pulls"); !strings.Contains(list.body, `href="/octo/hello/pull/1"`) || !strings.Contains(list.body, "1 open") {
		t.Errorf("the list: %s", list.body)
	}
	other := ts.signedIn(ts.User("reader")).get("/octo/hello/pull/1")
	if other.status != http.StatusOK || strings.Contains(other.body, "<form class=\"merge\"") || strings.Contains(other.body, "Close pull request") {
		t.Errorf("who may only read sees: %d %s", other.status, other.body)
	}
	for _, path := range []string{"/octo/hello/pull/2", "/octo/hello/pull/x", "/octo/none/pulls"} {
		if got := owner.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

func TestAPullRequestIsClosedReopenedAndMergedOnItsPage(t *testing.T) {
	ts, owner, sha := newProposal(t)
	reader := ts.signedIn(ts.User("reader"))
	const at = "/octo/hello/pull/1"
	send := func(b *browser, path, body string) answer {
		form, err := url.ParseQuery(body)
		ts.Must(err)
		form.Set("csrf", b.csrf(at)) // each page has the form to sign out
		return b.post(path, form)
	}
	for _, form := range []struct{ path, body string }{{at + "/merge", "method=merge&sha=" + sha}, {at + "/state", "to=close"}} {
		if got := send(reader, form.path, form.body); got.status != http.StatusForbidden {
			t.Errorf("a reader, %s: %d", form.path, got.status)
		}
	}
	does := func(path, body, want string) {
		t.Helper()
		if got := send(owner, path, body); got.status != http.StatusSeeOther {
			t.Fatalf("%s %s: %d %s", path, body, got.status, got.body)
		}
		if page := owner.get(at); !strings.Contains(page.body, "<strong>"+want+"</strong>") {
			t.Errorf("after %s it is not %s: %s", body, want, page.body)
		}
	}
	does(at+"/state", "to=close", "Closed")
	if got := send(owner, at+"/merge", "method=merge&sha="+sha); got.status != http.StatusMethodNotAllowed || !strings.Contains(got.body, "not mergeable") {
		t.Errorf("a merge of what is closed: %d %s", got.status, got.body)
	}
	does(at+"/state", "to=reopen", "Open")
	if got := send(owner, at+"/merge", "method=merge&sha="+strings.Repeat("0", 40)); got.status != http.StatusConflict {
		t.Errorf("a merge of a head that has moved: %d", got.status)
	}
	does(at+"/merge", "method=squash&sha="+sha, "Merged")
	if page := owner.get(at); !strings.Contains(page.body, "merged by octo") || strings.Contains(page.body, "<form class=\"merge\"") {
		t.Errorf("afterwards: %s", page.body)
	}
	if list := owner.get("/octo/hello/pulls?state=closed"); !strings.Contains(list.body, "1 closed") {
		t.Errorf("the list: %s", list.body)
	}
}

func TestAPullRequestIsReviewedOnItsPage(t *testing.T) {
	ts, owner, sha := newProposal(t)
	const at = "/octo/hello/pull/1"
	reader := ts.signedIn(ts.User("reader"))
	send := func(b *browser, event, body string) answer {
		return b.post(at+"/review", url.Values{"csrf": {b.csrf(at)}, "event": {event}, "body": {body}, "sha": {sha}})
	}
	shows := func(b *browser, texts ...string) {
		t.Helper()
		page := b.get(at)
		for _, want := range texts {
			if !strings.Contains(page.body, want) {
				t.Errorf("without %q: %s", want, page.body)
			}
		}
	}
	if page := owner.get(at); strings.Contains(page.body, "Request changes") || !strings.Contains(page.body, "Comment</button>") {
		t.Errorf("who has made it may approve it: %s", page.body)
	}
	if got := send(owner, "APPROVE", ""); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "Review Can not approve your own pull request") {
		t.Errorf("an approval of one's own: %d %s", got.status, got.body)
	}
	shows(reader, "Approve</button>", "Request changes</button>")
	for _, c := range []struct{ event, body, want string }{
		{"REQUEST_CHANGES", "**No** <script>alert(2)</script>", "<strong>reader</strong> requested changes"},
		{"COMMENT", "one\r\ntwo", "<strong>reader</strong> reviewed"},
		{"APPROVE", "", "<strong>reader</strong> approved these changes"},
	} {
		if got := send(reader, c.event, c.body); got.status != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", c.event, got.status, got.body)
		}
		shows(owner, c.want)
	}
	shows(owner, "<strong>No</strong>", `id="pullrequestreview-1"`, sha[:7])
	if page := owner.get(at); strings.Contains(page.body, "<script>alert") {
		t.Errorf("a script: %s", page.body)
	}
	if got := send(reader, "", "x"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a form without a button: %d", got.status)
	}
	if got := reader.post(at+"/review", url.Values{"event": {"APPROVE"}, "csrf": {"x"}}); got.status == http.StatusSeeOther {
		t.Errorf("a form of another site: %d", got.status)
	}
	if page := ts.browser().get(at); strings.Contains(page.body, "Approve</button>") {
		t.Errorf("nobody may approve: %s", page.body)
	}
}
