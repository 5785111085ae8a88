package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestThePageOfAPullRequestSaysWhichRequiredChecksAreMissing(t *testing.T) {
	ts, owner, sha := newProposal(t)
	token := ts.Token(ts.Admin, "repo")
	do := func(method, path string, body any) *servertest.Reply {
		t.Helper()
		a := ts.Do(method, servertest.API+"/repos/octo/hello"+path, token, body)
		if a.StatusCode >= http.StatusBadRequest {
			t.Fatalf("%s %s: %d %s", method, path, a.StatusCode, a.Text)
		}
		return a
	}
	protect := func(admins bool) {
		do(http.MethodPut, "/branches/main/protection", map[string]any{
			"required_status_checks": map[string]any{"strict": false, "contexts": []string{"scan", "lint"}}, "enforce_admins": admins,
			"required_pull_request_reviews": nil, "restrictions": nil,
		})
	}
	has := func(page answer, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if page.status != http.StatusOK || !strings.Contains(page.body, want) {
				t.Fatalf("%d, without %q: %s", page.status, want, page.body)
			}
		}
	}
	protect(false)
	has(owner.get("/octo/hello/pull/1"), "Merging is blocked: 2 of 2 required status checks are expected.", `lint <span class="label">Required</span>`, "Expected", "Merge pull request all the same")
	protect(true)
	if page := owner.get("/octo/hello/pull/1"); strings.Contains(page.body, `<form class="merge"`) {
		t.Errorf("who administers it may merge: %s", page.body)
	}
	do(http.MethodPost, "/statuses/"+sha, map[string]any{"state": "success", "context": "lint", "description": "no <b>findings</b>"})
	id := int64(do(http.MethodPost, "/check-runs", map[string]any{
		"name": "scan", "head_sha": sha, "conclusion": "failure", "details_url": "https://scan.example/1",
		"output":  map[string]any{"title": "Two <i>findings</i>", "summary": "**Bad** <script>alert(1)</script>", "annotations": []any{map[string]any{"path": "new.txt", "start_line": 2, "end_line": 2, "annotation_level": "failure", "message": "<u>odd</u>"}}},
		"actions": []any{map[string]any{"label": "Fix it", "description": "Fixes it", "identifier": "fix"}},
	}).JSON(ts.TB)["id"].(float64))
	path := fmt.Sprintf("/octo/hello/runs/%d", id)
	has(owner.get("/octo/hello/pull/1"), "Required status check &#34;scan&#34; is failing.", "no &lt;b&gt;findings&lt;/b&gt;", `href="`+path+`"`, "admin / scan")
	has(owner.get("/octo/hello/commit/"+sha), "Reported by others", `href="`+path+`"`)
	page := owner.get(path)
	has(page, "reported by admin", "Two &lt;i&gt;findings&lt;/i&gt;", "<strong>Bad</strong>", "&lt;u&gt;odd&lt;/u&gt;", "Fix it", "Re-run", `href="https://scan.example/1"`)
	if strings.Contains(page.body, "<script>alert(1)") {
		t.Errorf("a script of a tool runs: %s", page.body)
	}
	reader := ts.signedIn(ts.User("reader"))
	if page := reader.get(path); page.status != http.StatusOK || strings.Contains(page.body, "Re-run") {
		t.Errorf("who may only read sees %d %s", page.status, page.body)
	}
	for _, c := range []struct {
		who    *browser
		action string
		want   int
	}{{reader, "fix", http.StatusForbidden}, {owner, "other", http.StatusUnprocessableEntity}, {owner, "fix", http.StatusSeeOther}, {owner, "", http.StatusSeeOther}} {
		if got := c.who.post(path, url.Values{"csrf": {c.who.csrf(path)}, "action": {c.action}}); got.status != c.want {
			t.Errorf("action %q: %d, want %d: %s", c.action, got.status, c.want, got.body)
		}
	}
}
