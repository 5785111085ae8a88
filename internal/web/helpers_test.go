package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A testSite is pages on a real store, served over HTTP.
type testSite struct {
	*Site
	t         testing.TB
	scheduler *recorder
	blobs     blob.Store
	objects   *object.Objects
	url       string
	guids     int
}

// A recorder notes what the buttons ask of the scheduler.
type recorder struct {
	calls []string
	err   error
}

func (r *recorder) Cancel(_ context.Context, run int64, force bool) error {
	r.calls = append(r.calls, fmt.Sprintf("cancel %d %t", run, force))
	return r.err
}

func (r *recorder) Rerun(_ context.Context, run int64, who actions.Account, debug bool) error {
	r.calls = append(r.calls, fmt.Sprintf("rerun %d %s %t", run, who.Login, debug))
	return r.err
}

func newTestSite(t testing.TB) *testSite {
	t.Helper()
	st := storetest.Open(t)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	blobs, err := fs.New(t.TempDir(), fs.Options{Now: time.Now, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	ts := &testSite{t: t, scheduler: &recorder{}, blobs: blobs}
	ts.objects = object.New(object.Config{Store: st, Blobs: blobs, Log: log, Now: time.Now})
	artifacts := artifact.New(artifact.Config{Store: st, Objects: ts.objects, Log: log, Now: time.Now, Limits: artifact.DefaultLimits()})
	ts.Site, err = New(Config{
		Store: st, Auth: auth.New(st, time.Now), Scheduler: ts.scheduler, Log: log, Now: time.Now,
		Artifacts: artifacts, ArtifactURL: func(r *http.Request, art *actions.Artifact) (string, error) {
			return fmt.Sprintf("http://%s/_blobs/%d?sig=s", r.Host, art.ID), nil
		},
		Logs: logs.New(logs.Config{Store: st, Blobs: blobs, Log: log, Now: time.Now}),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(ts.Site)
	t.Cleanup(server.Close)
	ts.url = server.URL
	return ts
}

func (ts *testSite) check(err error) {
	ts.t.Helper()
	if err != nil {
		ts.t.Fatal(err)
	}
}

func (ts *testSite) guid() string {
	ts.guids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", ts.guids)
}

func (ts *testSite) account(login string) *actions.Account {
	ts.t.Helper()
	a := &actions.Account{Login: login, Type: actions.User, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	ts.check(ts.store.CreateAccount(ts.t.Context(), a))
	return a
}

func (ts *testSite) repo(owner *actions.Account, name string, private bool) *actions.Repository {
	ts.t.Helper()
	now := time.Now()
	r := &actions.Repository{Owner: *owner, Name: name, Private: private, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now, PushedAt: now}
	ts.check(ts.store.CreateRepository(ts.t.Context(), r))
	return r
}

// token makes a classic token of an account.
func (ts *testSite) token(a *actions.Account, scopes ...string) string {
	ts.t.Helper()
	text, err := ts.auth.Create(ts.t.Context(), &actions.Token{AccountID: a.ID, Kind: actions.Classic, Scopes: scopes})
	ts.check(err)
	return text
}

// addRun makes a run of the workflow at path in r.
func (ts *testSite) addRun(r *actions.Repository, path string, change func(*actions.Run)) *actions.Run {
	ts.t.Helper()
	now := time.Now()
	run := &actions.Run{
		RepoID: r.ID, Name: "CI", Title: "Greet the world", Path: path, Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
		HeadSHA: strings.Repeat("0123456789", 4), Actor: r.Owner, Triggering: r.Owner, Attempt: 1, Status: actions.InProgress,
		CreatedAt: now, StartedAt: now, UpdatedAt: now,
	}
	if change != nil {
		change(run)
	}
	a := &actions.Attempt{Number: 1, PlanID: ts.guid(), Triggering: run.Triggering, Status: run.Status, Conclusion: run.Conclusion, StartedAt: run.StartedAt}
	if a.Status == actions.Completed {
		a.CompletedAt = run.UpdatedAt
	}
	ts.update(func(tx *store.Tx) error {
		wf := &actions.Workflow{RepoID: r.ID, Path: path, Name: run.Name, State: actions.Active, CreatedAt: now, UpdatedAt: now}
		if err := tx.SaveWorkflow(ts.t.Context(), wf); err != nil {
			return err
		}
		run.WorkflowID = wf.ID
		return tx.CreateRun(ts.t.Context(), run, a, &actions.RunSource{})
	})
	return run
}

func (ts *testSite) update(fn func(*store.Tx) error) {
	ts.t.Helper()
	ts.check(ts.store.Update(ts.t.Context(), fn))
}

func (ts *testSite) addJob(run *actions.Run, key, name string, change func(*actions.Job)) *actions.Job {
	ts.t.Helper()
	now := time.Now()
	j := &actions.Job{
		RunID: run.ID, RepoID: run.RepoID, OwnerID: run.Actor.ID, Attempt: run.Attempt, GUID: ts.guid(), Key: key, Name: name, Total: 1,
		Labels: []string{"ubuntu-latest"}, Status: actions.Queued, CreatedAt: now,
	}
	if change != nil {
		change(j)
	}
	ts.update(func(tx *store.Tx) error {
		if err := tx.CreateJob(ts.t.Context(), j); err != nil {
			return err
		}
		return tx.UpdateJob(ts.t.Context(), j)
	})
	return j
}

// addStep adds a step that ended with c, or is at work when c is empty.
func (ts *testSite) addStep(j *actions.Job, number int, name string, c actions.Conclusion, log string) *actions.Step {
	ts.t.Helper()
	st := &actions.Step{JobID: j.ID, GUID: ts.guid(), Number: number, Name: name, Status: actions.InProgress, StartedAt: time.Now().Add(-3 * time.Second)}
	if c != "" {
		st.Status, st.Conclusion, st.CompletedAt = actions.Completed, c, time.Now()
	}
	ts.update(func(tx *store.Tx) error { return tx.SaveStep(ts.t.Context(), j, st) })
	if log != "" {
		ts.check(ts.logs.PutPart(ts.t.Context(), j, st.GUID, 1, strings.NewReader(log)))
	}
	return st
}

func completed(c actions.Conclusion) func(*actions.Job) {
	return func(j *actions.Job) {
		j.Status, j.Conclusion = actions.Completed, c
		j.StartedAt, j.CompletedAt = j.CreatedAt, j.CreatedAt.Add(83*time.Second)
		j.RunnerName = "box-1"
	}
}

// A browser keeps cookies and follows no redirect.
type browser struct {
	ts     *testSite
	cookie string
}

func (ts *testSite) browser() *browser { return &browser{ts: ts} }

// signedIn is a browser in which the account has signed in.
func (ts *testSite) signedIn(a *actions.Account) *browser {
	ts.t.Helper()
	b := ts.browser()
	if got := b.post("/login", url.Values{"token": {ts.token(a, "repo")}}); got.status != http.StatusSeeOther {
		ts.t.Fatalf("sign in: %d\n%s", got.status, got.body)
	}
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) get(path string) answer { return b.do(http.MethodGet, path, nil, nil) }

func (b *browser) post(path string, form url.Values) answer {
	return b.do(http.MethodPost, path, form, http.Header{"Sec-Fetch-Site": {"same-origin"}})
}

func (b *browser) do(method, path string, form url.Values, header http.Header) answer {
	b.ts.t.Helper()
	res := b.open(method, path, form, header)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	b.ts.check(err)
	return answer{res.StatusCode, res.Header, string(body)}
}

// open sends a request; the caller closes the body.
func (b *browser) open(method, path string, form url.Values, header http.Header) *http.Response {
	b.ts.t.Helper()
	r, err := http.NewRequestWithContext(b.ts.t.Context(), method, b.ts.url+path, strings.NewReader(form.Encode()))
	b.ts.check(err)
	maps.Copy(r.Header, header)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: auth.Cookie, Value: b.cookie})
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	b.ts.check(err)
	for _, c := range res.Cookies() {
		if c.Name == auth.Cookie {
			b.cookie = c.Value
		}
	}
	return res
}

// csrf is the token in the forms of a page.
func (b *browser) csrf(path string) string {
	b.ts.t.Helper()
	_, after, ok := strings.Cut(b.get(path).body, `name="csrf" value="`)
	if !ok {
		b.ts.t.Fatalf("%s has no form", path)
	}
	token, _, _ := strings.Cut(after, `"`)
	return token
}
