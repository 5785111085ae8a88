package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestSignInShowsPrivateRepositories(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
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
	octo, other := ts.User("octo"), ts.User("other")
	run := ts.addRun(ts.repo(octo, "secret", true), ".github/workflows/ci.yml", nil)
	job := ts.addJob(run, "build", "build", nil)
	ts.addStep(job, 1, "hello", actions.Success, "hello\n")
	at := jobPath("", job)
	for _, b := range []*browser{ts.browser(), ts.signedIn(other)} {
		for _, path := range []string{"", "/actions", "/actions/workflows/ci.yml", runPath("", run.ID), runPath("", run.ID) + "/live", at, at + "/live", at + "/logs", at + "/logs/1"} {
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
	octo := ts.User("octo")
	ts.repo(octo, "a", false)
	run := ts.addRun(ts.repo(octo, "b", true), ".github/workflows/ci.yml", nil)
	job := ts.addJob(run, "build", "build", nil)
	other := ts.addRun(ts.repo(octo, "c", false), ".github/workflows/ci.yml", nil)
	b := ts.browser()
	a, c := "/octo/a", "/octo/c"
	for _, path := range []string{runPath(a, run.ID), jobPath(a, job), jobPath(a, job) + "/logs", jobPath(a, job) + "/live", runPath(c, other.ID) + strings.TrimPrefix(jobPath(c, job), runPath(c, run.ID))} {
		if got := b.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, got.status)
		}
	}
}

func TestEachSignInMakesANewSession(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	b := ts.browser()
	b.cookie = "planted-by-an-attacker"
	token := ts.Token(octo, "repo")
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
	octo := ts.User("octo")
	text, err := ts.Auth.Create(t.Context(), &actions.Token{AccountID: octo.ID, Kind: actions.Classic, Scopes: []string{"repo"}, ExpiresAt: time.Now().Add(time.Hour)})
	ts.Must(err)
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

func TestSessionEndsWhenItsTokenIsRevoked(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	text, other := ts.Token(octo, "repo"), ts.Token(octo, "repo")
	mine, others := ts.browser(), ts.browser()
	mine.post("/login", url.Values{"token": {text}})
	others.post("/login", url.Values{"token": {other}})
	for _, b := range []*browser{mine, others} {
		if got := b.get("/"); !strings.Contains(got.body, "Sign out") {
			t.Fatal("nobody is signed in")
		}
	}
	if _, err := ts.Auth.RevokePersonal(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if got := mine.get("/"); strings.Contains(got.body, "Sign out") {
		t.Error("the session counts after its token was revoked")
	}
	if got := others.get("/"); !strings.Contains(got.body, "Sign out") {
		t.Error("the session of another token has ended")
	}
}

func TestTokensThatCannotSignInGetNoSession(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	gone := ts.User("gone")
	expired, err := ts.Auth.Create(t.Context(), &actions.Token{AccountID: octo.ID, Kind: actions.Classic, Scopes: []string{"repo"}, ExpiresAt: time.Now().Add(-time.Hour)})
	ts.Must(err)
	fine, err := ts.Auth.Create(t.Context(), &actions.Token{AccountID: octo.ID, Kind: actions.FineGrained})
	ts.Must(err)
	session, err := ts.Auth.Create(t.Context(), &actions.Token{AccountID: gone.ID, Kind: actions.WebSession, ExpiresAt: time.Now().Add(time.Hour)})
	ts.Must(err)
	unknown := ts.browser().post("/login", url.Values{"token": {"ghp_000000000000000000000000000000000000"}})
	for name, token := range map[string]string{"expired": expired, "session": session, "empty": "", "long": strings.Repeat("x", 5000)} {
		b := ts.browser()
		got := b.post("/login", url.Values{"token": {token}})
		if diff := cmp.Diff(unknown.body, got.body); got.status != http.StatusUnauthorized || b.cookie != "" || diff != "" {
			t.Errorf("%s: %d, cookie %q, differs from an unknown token:\n%s", name, got.status, b.cookie, diff)
		}
	}
	for name, token := range map[string]string{"fine-grained": fine, "no scope": ts.Token(octo), "public_repo": ts.Token(octo, "public_repo", "workflow")} {
		b := ts.browser()
		if got := b.post("/login", url.Values{"token": {token}}); got.status != http.StatusUnauthorized || b.cookie != "" {
			t.Errorf("%s: %d, cookie %q: a lesser token became a session", name, got.status, b.cookie)
		}
	}
}

func TestAuthorizationHeaderIsNoSession(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	ts.repo(octo, "secret", true)
	b := ts.browser()
	header := http.Header{"Authorization": {"Bearer " + ts.Token(octo, "repo")}}
	if got := b.do(http.MethodGet, "/octo/secret", nil, header); got.status != http.StatusNotFound {
		t.Errorf("got %d", got.status)
	}
	b.cookie = ts.Token(octo, "repo")
	if got := b.get("/octo/secret"); got.status != http.StatusNotFound {
		t.Errorf("a token as cookie: %d", got.status)
	}
}

// pushed makes a repository with a run that waits for a runner.
func (ts *testSite) pushed(owner *actions.Account) (*actions.Repository, *actions.Run) {
	ts.Helper()
	repo := ts.Repository(owner, "hello", false)
	ts.Push(repo, "main", ts.Token(owner, "repo", "workflow"), map[string]string{".github/workflows/ci.yml": "on: push\njobs: {a: {runs-on: linux, steps: [{run: x}]}}"})
	runs, _, err := ts.Store.Runs(ts.Context(), store.RunFilter{RepoID: repo.ID}, store.Page{Number: 1, Size: 1})
	ts.Must(err)
	return repo, runs[0]
}

// state is how far a run is.
func (ts *testSite) state(run *actions.Run) string {
	ts.Helper()
	now, err := ts.Store.Run(ts.Context(), run.ID)
	ts.Must(err)
	return fmt.Sprintf("attempt %d is %s", now.Attempt, now.Status)
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	repo, run := ts.pushed(octo)
	b := ts.signedIn(octo)
	at := runPath(pathOf(repo), run.ID)
	good := b.csrf(at)
	host := strings.TrimPrefix(ts.URL, "http://")
	before := ts.state(run)
	for _, c := range []struct {
		name   string
		header http.Header
		csrf   string
	}{
		{"cross-site", http.Header{"Sec-Fetch-Site": {"cross-site"}}, good},
		{"same-site", http.Header{"Sec-Fetch-Site": {"same-site"}}, good},
		{"other origin", http.Header{"Origin": {"https://evil.example"}}, good},
		{"null origin", http.Header{"Origin": {"null"}}, good},
		{"lookalike origin", http.Header{"Origin": {"http://" + host + ".evil.example"}}, good},
		{"no token", http.Header{"Sec-Fetch-Site": {"same-origin"}}, ""},
		{"wrong token", http.Header{"Sec-Fetch-Site": {"same-origin"}}, good[1:] + "A"},
	} {
		for _, action := range []string{"/cancel", "/rerun"} {
			got := b.do(http.MethodPost, at+action, url.Values{"csrf": {c.csrf}}, c.header)
			if now := ts.state(run); got.status != http.StatusForbidden || now != before {
				t.Errorf("%s, %s: %d, %s", c.name, action, got.status, now)
			}
		}
	}
	for name, header := range map[string]http.Header{
		"of this site":                     {"Sec-Fetch-Site": {"same-origin"}},
		"of this site in an older browser": {"Origin": {"http://" + host}},
	} {
		for _, action := range []string{"/cancel", "/rerun"} {
			before := ts.state(run)
			got := b.do(http.MethodPost, at+action, url.Values{"csrf": {good}}, header)
			if now := ts.state(run); got.status != http.StatusSeeOther || now == before {
				t.Errorf("%s, %s: %d, %s", name, action, got.status, now)
			}
		}
	}
	for _, path := range []string{"/login", "/logout"} {
		form := url.Values{"csrf": {good}, "token": {ts.Token(octo, "repo")}}
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
	octo, reader := ts.User("octo"), ts.User("reader")
	repo, run := ts.pushed(octo)
	at := runPath(pathOf(repo), run.ID)
	owner, b := ts.signedIn(octo), ts.signedIn(reader)
	if got := owner.get(at); !strings.Contains(got.body, "Cancel run") {
		t.Error("the owner sees no button")
	}
	if got := b.get(at); strings.Contains(got.body, "Cancel run") {
		t.Error("a reader sees a button")
	}
	before := ts.state(run)
	if got := b.post(at+"/cancel", url.Values{"csrf": {b.csrf("/")}}); got.status != http.StatusForbidden || ts.state(run) != before {
		t.Errorf("cancel by a reader: %d", got.status)
	}
	force := url.Values{"csrf": {owner.csrf(at)}, "force": {"1"}}
	if got := owner.post(at+"/cancel", force); got.status != http.StatusSeeOther || ts.state(run) != "attempt 1 is completed" {
		t.Errorf("cancel by the owner: %d", got.status)
	}
	if got := owner.post(at+"/cancel", force); got.status != http.StatusConflict || !strings.Contains(got.body, "Cannot cancel a workflow run") {
		t.Errorf("cancel of what is over: %d\n%s", got.status, got.body)
	}
}

func TestCookieIsSecureOverHTTPS(t *testing.T) {
	ts := newTestSite(t, servertest.WithConfig(func(c *servertest.Config) { c.TrustedProxy = []string{"127.0.0.1/32"} }))
	form := url.Values{"token": {ts.Token(ts.User("octo"), "repo")}}
	for scheme, want := range map[string]bool{"http": false, "https": true} {
		got := ts.browser().do(http.MethodPost, "/login", form, http.Header{"Sec-Fetch-Site": {"same-origin"}, "X-Forwarded-Proto": {scheme}})
		if cookie := got.header.Get("Set-Cookie"); cookie == "" || strings.Contains(cookie, "Secure") != want {
			t.Errorf("over %s the cookie is %q", scheme, cookie)
		}
	}
}
