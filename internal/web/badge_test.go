package web_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestABadgeSaysHowItsWorkflowDoes(t *testing.T) {
	ts := newTestSite(t)
	repo := ts.repo(ts.User("octo"), "hello", false)
	at := time.Now().Add(-time.Hour)
	ran := func(path, branch, event string, c actions.Conclusion) {
		at = at.Add(time.Minute)
		ts.addRun(repo, path, func(r *actions.Run) {
			r.Name, r.HeadBranch, r.Event, r.Conclusion, r.CreatedAt = path, branch, event, c, at
			if c != "" {
				r.Status = actions.Completed
			}
		})
	}
	const file = ".github/workflows/"
	ran(file+"ci.yml", "main", "push", actions.Failure)
	ran(file+"ci.yml", "main", "push", actions.Success)
	ran(file+"ci.yml", "main", "schedule", actions.TimedOut)
	ran(file+"ci.yml", "main", "push", actions.Success)
	ran(file+"ci.yml", "main", "push", actions.Cancelled)
	ran(file+"ci.yml", "main", "push", "")
	ran(file+"ci.yml", "feature/x", "push", actions.Failure)
	ran(file+"elsewhere.yml", "feature/x", "push", actions.Failure)
	ran(file+"begins.yml", "main", "push", "")
	for _, c := range []struct{ what, want string }{
		{"ci.yml/badge.svg", "passing"},
		{"ci.yml/badge.svg?branch=feature/x", "failing"},
		{"ci.yml/badge.svg?branch=feature%2Fx&event=schedule", "no status"},
		{"ci.yml/badge.svg?event=schedule", "failing"},
		{"ci.yml/badge.svg?branch=none", "no status"},
		{"elsewhere.yml/badge.svg", "failing"},
		{"elsewhere.yml/badge.svg?branch=main", "no status"},
		{"begins.yml/badge.svg", "no status"},
	} {
		got := ts.browser().get("/octo/hello/actions/workflows/" + c.what)
		if got.status != http.StatusOK || !strings.Contains(got.body, "- "+c.want+"</title>") {
			t.Errorf("%s: %d, want %q: %.300s", c.what, got.status, c.want, got.body)
		}
		if ct, cc := got.header.Get("Content-Type"), got.header.Get("Cache-Control"); ct != "image/svg+xml; charset=utf-8" || cc != "private, max-age=300" {
			t.Errorf("%s: %s, %s", c.what, ct, cc)
		}
	}
	if got := ts.browser().get("/octo/hello/actions/workflows/none.yml/badge.svg"); got.status != http.StatusNotFound {
		t.Errorf("a badge of no workflow: %d", got.status)
	}
}

// Whoever has a fork names its branch, and says what its runs do.
func TestRunsOfForksSayNothingInABadge(t *testing.T) {
	ts := newTestSite(t)
	repo := ts.repo(ts.User("octo"), "hello", false)
	at := time.Now().Add(-time.Hour)
	ran := func(path, event string, fork bool, c actions.Conclusion) {
		at = at.Add(time.Second)
		ts.addRun(repo, ".github/workflows/"+path, func(r *actions.Run) {
			r.HeadBranch, r.Event, r.FromFork, r.Status, r.Conclusion, r.CreatedAt = "main", event, fork, actions.Completed, c, at
		})
	}
	ran("ci.yml", "push", false, actions.Success)
	for range 40 { // more than a badge looks at
		ran("ci.yml", "pull_request", true, actions.Failure)
		ran("ci.yml", "pull_request_target", true, actions.Failure)
	}
	ran("pull.yml", "pull_request", true, actions.Success)
	for what, want := range map[string]string{
		"ci.yml/badge.svg": "passing", "ci.yml/badge.svg?branch=main": "passing", "ci.yml/badge.svg?event=pull_request": "no status",
		"ci.yml/badge.svg?event=pull_request_target": "no status", "pull.yml/badge.svg": "no status",
	} {
		if got := ts.browser().get("/octo/hello/actions/workflows/" + what); !strings.Contains(got.body, "- "+want+"</title>") {
			t.Errorf("%s: %d, want %q: %.300s", what, got.status, want, got.body)
		}
	}
}

func TestABadgeOfAPrivateRepositoryIsForItsReaders(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	ts.addRun(ts.repo(octo, "hello", true), ".github/workflows/ci.yml", nil)
	const path = "/octo/hello/actions/workflows/ci.yml/badge.svg"
	if got := ts.browser().get(path); got.status != http.StatusNotFound {
		t.Errorf("nobody: %d", got.status)
	}
	if got := ts.signedIn(ts.User("eve")).get(path); got.status != http.StatusNotFound {
		t.Errorf("who may not read it: %d", got.status)
	}
	got := ts.signedIn(octo).get(path)
	if got.status != http.StatusOK || got.header.Get("Cache-Control") != "private, no-cache" || got.header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("its owner: %d %v", got.status, got.header)
	}
}

func TestANameOfAWorkflowIsTextInItsBadge(t *testing.T) {
	ts := newTestSite(t)
	repo := ts.repo(ts.User("octo"), "hello", false)
	const name = "<script>alert(1)</script>\"'&\x01 ü"
	ts.addRun(repo, ".github/workflows/ci.yml", func(r *actions.Run) { r.Name = name + strings.Repeat("x", 1000) })
	got := ts.browser().get("/octo/hello/actions/workflows/ci.yml/badge.svg")
	elements := map[string]bool{}
	for d := xml.NewDecoder(strings.NewReader(got.body)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, got.body)
		}
		if e, ok := tok.(xml.StartElement); ok {
			elements[e.Name.Local] = true
		}
	}
	if elements["script"] || !elements["svg"] || len(got.body) > 2000 {
		t.Errorf("%d bytes: %s", len(got.body), got.body)
	}
	if csp := got.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "sandbox") {
		t.Errorf("policy %q", csp)
	}
}

func TestEveryAccountHasAnAvatarThatNeverChanges(t *testing.T) {
	ts := newTestSite(t)
	got := ts.browser().get("/_avatars/7")
	img, err := png.Decode(bytes.NewReader([]byte(got.body)))
	if err != nil || img.Bounds().Dx() != img.Bounds().Dy() || len(got.body) > 1000 {
		t.Fatalf("%v, %d bytes", err, len(got.body))
	}
	if cc := got.header.Get("Cache-Control"); !strings.Contains(cc, "immutable") || got.header.Get("Vary") != "" {
		t.Errorf("it is not kept: %v", got.header)
	}
	if again, other := ts.browser().get("/_avatars/7"), ts.browser().get("/_avatars/u/8"); again.body != got.body || other.body == got.body {
		t.Error("the picture is not that of the account alone")
	}
	for _, id := range []string{"0", "-1", "x", "99999999999999999999"} {
		if got := ts.browser().get("/_avatars/" + id); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", id, got.status)
		}
	}
}
