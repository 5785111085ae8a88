package web_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A testSite is a whole server, on which tests make what pages show.
type testSite struct {
	*servertest.Site
	guids int
}

func newTestSite(t testing.TB, opts ...servertest.Option) *testSite {
	t.Helper()
	return &testSite{Site: servertest.New(t, opts...)}
}

// pathOf is where the pages of a repository begin.
func pathOf(repo *actions.Repository) string { return "/" + repo.FullName() }

func runPath(repo string, id int64) string { return fmt.Sprintf("%s/actions/runs/%d", repo, id) }

func jobPath(repo string, j *actions.Job) string {
	return fmt.Sprintf("%s/job/%d", runPath(repo, j.RunID), j.ID)
}

func (ts *testSite) guid() string {
	ts.guids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", ts.guids)
}

func (ts *testSite) repo(owner *actions.Account, name string, private bool) *actions.Repository {
	ts.Helper()
	now := time.Now()
	r := &actions.Repository{Owner: *owner, Name: name, Private: private, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now, PushedAt: now}
	ts.Must(ts.Store.CreateRepository(ts.Context(), r))
	return r
}

// addRun makes a run of the workflow at path in r.
func (ts *testSite) addRun(r *actions.Repository, path string, change func(*actions.Run)) *actions.Run {
	ts.Helper()
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
		if err := tx.SaveWorkflow(ts.Context(), wf); err != nil {
			return err
		}
		run.WorkflowID = wf.ID
		return tx.CreateRun(ts.Context(), run, a, &actions.RunSource{})
	})
	return run
}

func (ts *testSite) update(fn func(*store.Tx) error) {
	ts.Helper()
	ts.Must(ts.Store.Update(ts.Context(), fn))
}

func (ts *testSite) addJob(run *actions.Run, key, name string, change func(*actions.Job)) *actions.Job {
	ts.Helper()
	now := time.Now()
	j := &actions.Job{
		RunID: run.ID, RepoID: run.RepoID, OwnerID: run.Actor.ID, Attempt: run.Attempt, GUID: ts.guid(), Key: key, Name: name, Total: 1,
		Labels: []string{"ubuntu-latest"}, Status: actions.Queued, CreatedAt: now,
	}
	if change != nil {
		change(j)
	}
	ts.update(func(tx *store.Tx) error {
		if err := tx.CreateJobs(ts.Context(), []*actions.Job{j}); err != nil {
			return err
		}
		return tx.UpdateJob(ts.Context(), j)
	})
	return j
}

// addStep adds a step that ended with c, or is in progress when c is empty.
func (ts *testSite) addStep(j *actions.Job, number int, name string, c actions.Conclusion, log string) *actions.Step {
	ts.Helper()
	st := &actions.Step{JobID: j.ID, GUID: ts.guid(), Number: number, Name: name, Status: actions.InProgress, StartedAt: time.Now().Add(-3 * time.Second)}
	if c != "" {
		st.Status, st.Conclusion, st.CompletedAt = actions.Completed, c, time.Now()
	}
	ts.update(func(tx *store.Tx) error { return tx.SaveStep(ts.Context(), j, st) })
	if log != "" {
		ts.Must(ts.Logs.PutPart(ts.Context(), j, st.GUID, 1, strings.NewReader(log)))
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
	ts.Helper()
	b := ts.browser()
	if got := b.post("/login", url.Values{"token": {ts.Token(a, "repo")}}); got.status != http.StatusSeeOther {
		ts.Fatalf("sign in: %d\n%s", got.status, got.body)
	}
	return b
}

// rendered is a page with all of its summaries: on a slow machine it asks to be loaded
// again while they are made.
func (ts *testSite) rendered(path string) string {
	ts.Helper()
	for range 100 {
		if got := ts.browser().get(path).body; !strings.Contains(got, "This summary is not rendered yet") {
			return got
		}
	}
	ts.Fatal("the summaries are never rendered")
	return ""
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
	b.ts.Helper()
	res := b.open(method, path, form, header)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	b.ts.Must(err)
	return answer{res.StatusCode, res.Header, string(body)}
}

// open sends a request; the caller closes the body.
func (b *browser) open(method, path string, form url.Values, header http.Header) *http.Response {
	b.ts.Helper()
	r, err := http.NewRequestWithContext(b.ts.Context(), method, b.ts.URL+path, strings.NewReader(form.Encode()))
	b.ts.Must(err)
	maps.Copy(r.Header, header)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: auth.Cookie, Value: b.cookie})
	}
	res, err := b.ts.Client.Do(r)
	b.ts.Must(err)
	for _, c := range res.Cookies() {
		if c.Name == auth.Cookie {
			b.cookie = c.Value
		}
	}
	return res
}

// csrf is the token in the forms of a page.
func (b *browser) csrf(path string) string {
	b.ts.Helper()
	_, after, ok := strings.Cut(b.get(path).body, `name="csrf" value="`)
	if !ok {
		b.ts.Fatalf("%s has no form", path)
	}
	token, _, _ := strings.Cut(after, `"`)
	return token
}
