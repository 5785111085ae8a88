package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

func TestSignInShowsPrivateRepositories(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.account("octo")
	ts.repo(octo, "secret", true)
	ts.repo(octo, "open", false)

	visitor := ts.browser()
	if got := visitor.get("/"); strings.Contains(got.body, "secret") || !strings.Contains(got.body, "octo/open") {
		t.Errorf("a visitor sees:\n%s", got.body)
	}
	b := ts.signedIn(octo)
	if got := b.get("/"); !strings.Contains(got.body, "octo/secret") {
		t.Errorf("the owner sees:\n%s", got.body)
	}
	if got := b.get("/octo/secret/actions"); got.status != http.StatusOK {
		t.Errorf("private repository of the owner: %d", got.status)
	}
}

func TestPrivateAndMissingRepositoriesLookTheSame(t *testing.T) {
	ts := newTestSite(t)
	octo, other := ts.account("octo"), ts.account("other")
	run := ts.addRun(ts.repo(octo, "secret", true), ".github/workflows/ci.yml", nil)
	job := ts.addJob(run, "build", "build", nil)
	ts.addStep(job, 1, "hello", actions.Success, "hello\n")
	at := jobPath(&repoHead{}, job)
	for _, b := range []*browser{ts.browser(), ts.signedIn(other)} {
		for _, path := range []string{"", "/actions", "/actions/workflows/ci.yml", runPath(&repoHead{}, run.ID), runPath(&repoHead{}, run.ID) + "/live", at, at + "/live", at + "/logs", at + "/logs/1"} {
			private, missing := b.get("/octo/secret"+path), b.get("/octo/nothing"+path)
			if private.status != http.StatusNotFound {
				t.Errorf("%s: %d, want 404", path, private.status)
			}
			if diff := cmp.Diff(strings.ReplaceAll(missing.body, "nothing", "secret"), private.body); diff != "" {
				t.Errorf("%s: missing and private differ:\n%s", path, diff)
			}
		}
	}
	if got := ts.browser().get("/octo/secret"); !strings.Contains(got.body, `href="/login?return_to=%2focto%2fsecret"`) {
		t.Errorf("the page does not offer to sign in:\n%s", got.body)
	}
}

func TestJobsAndRunsOfOtherRepositoriesAreNotFound(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.account("octo")
	ts.repo(octo, "a", false)
	run := ts.addRun(ts.repo(octo, "b", true), ".github/workflows/ci.yml", nil)
	job := ts.addJob(run, "build", "build", nil)
	other := ts.addRun(ts.repo(octo, "c", false), ".github/workflows/ci.yml", nil)
	b := ts.browser()
	a, c := &repoHead{Path: "/octo/a"}, &repoHead{Path: "/octo/c"}
	for _, path := range []string{runPath(a, run.ID), jobPath(a, job), jobPath(a, job) + "/logs", jobPath(a, job) + "/live", runPath(c, other.ID) + strings.TrimPrefix(jobPath(c, job), runPath(c, run.ID))} {
		if got := b.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, got.status)
		}
	}
}

func TestEachSignInMakesANewSession(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.account("octo")
	b := ts.browser()
	b.cookie = "planted-by-an-attacker"
	token := ts.token(octo, "repo")
	got := b.post("/login", url.Values{"token": {token}, "return_to": {"/octo/x"}})
	first := b.cookie
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/octo/x" || first == "planted-by-an-attacker" || first == token {
		t.Fatalf("sign in: %d %v", got.status, got.header)
	}
	cookie := got.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1209600"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, "Secure") {
		t.Errorf("cookie %q cannot come back over http", cookie)
	}
	b.post("/login", url.Values{"token": {token}})
	if b.cookie == first {
		t.Error("the second sign-in has the first one's session")
	}
	if got := (&browser{ts: ts, cookie: first}).get("/"); strings.Contains(got.body, "Sign out") {
		t.Error("the replaced session still counts")
	}
}

func TestSessionEndsWithItsTokenAndOnSigningOut(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.account("octo")
	text, err := ts.auth.Create(t.Context(), &actions.Token{AccountID: octo.ID, Kind: actions.Classic, Scopes: []string{"repo"}, ExpiresAt: time.Now().Add(time.Hour)})
	ts.check(err)
	b := ts.browser()
	got := b.post("/login", url.Values{"token": {text}})
	if age := got.header.Get("Set-Cookie"); !strings.Contains(age, "Max-Age=3599") && !strings.Contains(age, "Max-Age=3600") {
		t.Errorf("cookie %q outlives the token", age)
	}
	before := *b
	if got := b.post("/logout", url.Values{"csrf": {b.csrf("/")}}); got.status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", got.status)
	}
	if got := before.get("/"); strings.Contains(got.body, "Sign out") {
		t.Error("the session counts after signing out")
	}
}

func TestTokensThatCannotSignInGetNoSession(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.account("octo")
	gone := ts.account("gone")
	expired, err := ts.auth.Create(t.Context(), &actions.Token{AccountID: octo.ID, Kind: actions.Classic, Scopes: []string{"repo"}, ExpiresAt: time.Now().Add(-time.Hour)})
	ts.check(err)
	fine, err := ts.auth.Create(t.Context(), &actions.Token{AccountID: octo.ID, Kind: actions.FineGrained})
	ts.check(err)
	session, err := ts.auth.Create(t.Context(), &actions.Token{AccountID: gone.ID, Kind: actions.WebSession, ExpiresAt: time.Now().Add(time.Hour)})
	ts.check(err)
	unknown := ts.browser().post("/login", url.Values{"token": {"ghp_000000000000000000000000000000000000"}})
	for name, token := range map[string]string{"expired": expired, "session": session, "empty": "", "long": strings.Repeat("x", 5000)} {
		b := ts.browser()
		got := b.post("/login", url.Values{"token": {token}})
		if diff := cmp.Diff(unknown.body, got.body); got.status != http.StatusUnauthorized || b.cookie != "" || diff != "" {
			t.Errorf("%s: %d, cookie %q, differs from an unknown token:\n%s", name, got.status, b.cookie, diff)
		}
	}
	for name, token := range map[string]string{"fine-grained": fine, "no scope": ts.token(octo), "public_repo": ts.token(octo, "public_repo", "workflow")} {
		b := ts.browser()
		if got := b.post("/login", url.Values{"token": {token}}); got.status != http.StatusUnauthorized || b.cookie != "" {
			t.Errorf("%s: %d, cookie %q: a lesser token became a session", name, got.status, b.cookie)
		}
	}
}

func TestAuthorizationHeaderIsNoSession(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.account("octo")
	ts.repo(octo, "secret", true)
	b := ts.browser()
	header := http.Header{"Authorization": {"Bearer " + ts.token(octo, "repo")}}
	if got := b.do(http.MethodGet, "/octo/secret", nil, header); got.status != http.StatusNotFound {
		t.Errorf("got %d", got.status)
	}
	b.cookie = ts.token(octo, "repo")
	if got := b.get("/octo/secret"); got.status != http.StatusNotFound {
		t.Errorf("a token as cookie: %d", got.status)
	}
}

func TestReturnGoesNowhereElse(t *testing.T) {
	for _, to := range []string{
		"/", "/octo/hello", "/octo/hello/actions/runs/7/job/9", "/octo/hello/actions?branch=feat%2Fx&page=2", "/a/b.c_d~e-f",
	} {
		if got := localPath(to); got != to {
			t.Errorf("%q became %q", to, got)
		}
	}
	for _, to := range []string{
		"", "octo", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%2fevil.example", "/%2F%2Fevil.example", "/%5cevil.example",
		"/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "https://evil.example", "https:evil.example", "javascript:alert(1)", "//user@evil.example",
		"/@evil.example", "/a@b", "/.//evil.example", "/../evil", "/a/..//evil.example", "/a/./b", "/a/", "/a#//b", "/a?x=\r\nSet-Cookie:y", "/login", "/login?return_to=/x",
		"/logout", "/a;b", "/a:b", "/é", "/a?b=%zz", "/\x00", "/a?next=//evil.example", strings.Repeat("/a", 2000),
	} {
		if got := localPath(to); got != "/" {
			t.Errorf("%q became %q, want /", to, got)
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.account("octo")
	repo := ts.repo(octo, "hello", false)
	run := ts.addRun(repo, ".github/workflows/ci.yml", nil)
	b := ts.signedIn(octo)
	at := runPath(headOf(repo), run.ID)
	good := b.csrf(at)
	host := strings.TrimPrefix(ts.url, "http://")
	for _, c := range []struct {
		name   string
		header http.Header
		csrf   string
		want   int
	}{
		{"of this site", http.Header{"Sec-Fetch-Site": {"same-origin"}}, good, http.StatusSeeOther},
		{"of this site in an older browser", http.Header{"Origin": {"http://" + host}}, good, http.StatusSeeOther},
		{"cross-site", http.Header{"Sec-Fetch-Site": {"cross-site"}}, good, http.StatusForbidden},
		{"same-site", http.Header{"Sec-Fetch-Site": {"same-site"}}, good, http.StatusForbidden},
		{"other origin", http.Header{"Origin": {"https://evil.example"}}, good, http.StatusForbidden},
		{"null origin", http.Header{"Origin": {"null"}}, good, http.StatusForbidden},
		{"lookalike origin", http.Header{"Origin": {"http://" + host + ".evil.example"}}, good, http.StatusForbidden},
		{"no token", http.Header{"Sec-Fetch-Site": {"same-origin"}}, "", http.StatusForbidden},
		{"wrong token", http.Header{"Sec-Fetch-Site": {"same-origin"}}, good[1:] + "A", http.StatusForbidden},
	} {
		ts.scheduler.calls = nil
		for _, action := range []string{"/cancel", "/rerun"} {
			got := b.do(http.MethodPost, at+action, url.Values{"csrf": {c.csrf}}, c.header)
			if done := len(ts.scheduler.calls) > 0; got.status != c.want || done != (c.want == http.StatusSeeOther) {
				t.Errorf("%s, %s: %d, done %t; want %d", c.name, action, got.status, done, c.want)
			}
		}
	}
	for _, path := range []string{"/login", "/logout"} {
		form := url.Values{"csrf": {good}, "token": {ts.token(octo, "repo")}}
		if got := b.do(http.MethodPost, path, form, http.Header{"Sec-Fetch-Site": {"cross-site"}}); got.status != http.StatusForbidden {
			t.Errorf("%s by another site: %d", path, got.status)
		}
	}
	if got := b.do(http.MethodGet, at+"/live", nil, http.Header{"Sec-Fetch-Site": {"cross-site"}}); got.status != http.StatusForbidden {
		t.Errorf("stream for another site: %d", got.status)
	}
	if got := ts.browser().post(at+"/cancel", nil); got.status != http.StatusUnauthorized {
		t.Errorf("cancel by nobody: %d", got.status)
	}
}

func TestOnlyThoseWhoMayChangeARunSeeButtons(t *testing.T) {
	ts := newTestSite(t)
	octo, reader := ts.account("octo"), ts.account("reader")
	repo := ts.repo(octo, "hello", false)
	run := ts.addRun(repo, ".github/workflows/ci.yml", nil)
	at := runPath(headOf(repo), run.ID)
	owner, b := ts.signedIn(octo), ts.signedIn(reader)
	if got := owner.get(at); !strings.Contains(got.body, "Cancel run") {
		t.Error("the owner sees no button")
	}
	if got := b.get(at); strings.Contains(got.body, "Cancel run") {
		t.Error("a reader sees a button")
	}
	if got := b.post(at+"/cancel", url.Values{"csrf": {b.csrf("/")}}); got.status != http.StatusForbidden || len(ts.scheduler.calls) > 0 {
		t.Errorf("cancel by a reader: %d", got.status)
	}
	ts.scheduler.err = actions.Errorf(actions.Conflict, "Cannot cancel a workflow run that is completed.")
	if got := owner.post(at+"/cancel", url.Values{"csrf": {owner.csrf(at)}, "force": {"1"}}); got.status != http.StatusConflict || !strings.Contains(got.body, "Cannot cancel a workflow run") {
		t.Errorf("cancel of what is over: %d\n%s", got.status, got.body)
	}
	if diff := cmp.Diff([]string{"cancel 1 true"}, ts.scheduler.calls); diff != "" {
		t.Error(diff)
	}
}

func TestCookieIsSecureOverHTTPS(t *testing.T) {
	ts := newTestSite(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if c := ts.cookie(r, "x", time.Hour); c.Secure {
		t.Error("a browser would not send it back over http")
	}
	r = httpjson.WithBase(r, shape.Base{HTML: "https://ci.example"})
	if c := ts.cookie(r, "x", time.Hour); !c.Secure {
		t.Error("a browser would send it over http")
	}
}
