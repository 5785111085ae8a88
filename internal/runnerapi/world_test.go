package runnerapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const (
	lease    = 3 * time.Minute
	heldPoll = 200 * time.Millisecond // instead of 50 s
	version  = "1.2.3"
)

// A world is a server with an owner, an organization and three repositories.
type world struct {
	*servertest.Site
	t *testing.T

	api   string              // what paths of the REST API begin with
	admin string              // a site admin's token
	mona  string              // token of a person who may nothing here
	hello *actions.Repository // octo/hello, private
	tools *actions.Repository // octo/tools, public
	other *actions.Repository // mona/other, private
}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) { test(t, people(t, s)) }, options(nil)...)
}

// newWorld makes a world; change sets what an operator could.
func newWorld(t *testing.T, change func(*servertest.Config)) *world {
	t.Helper()
	return people(t, servertest.New(t, options(change)...))
}

// options are those of a server whose polls end soon.
func options(change func(*servertest.Config)) []servertest.Option {
	return []servertest.Option{
		servertest.WithConfig(func(c *servertest.Config) {
			c.JobLease, c.ToolkitPatch = lease, true
			if change != nil {
				change(c)
			}
		}),
		servertest.WithDeps(func(d *servertest.Deps) {
			d.Version = version
			d.Limits.Poll, d.Limits.Completion = heldPoll, 50*time.Millisecond
		}),
	}
}

func people(t *testing.T, s *servertest.Site) *world {
	t.Helper()
	w := &world{Site: s, t: t, api: "/api/v3", admin: s.AdminToken}
	octo, mona := w.User("octo"), w.User("mona")
	w.Organization("guild")
	w.mona = w.Token(mona, actions.Scopes()...)
	w.hello, w.tools, w.other = w.Repository(octo, "hello", true), w.Repository(octo, "tools", false), w.Repository(mona, "other", true)
	return w
}

// named gives the server another host name, with its port in URLs of people, and says
// where its REST API is.
func (w *world) named(host, api string) {
	address := strings.TrimPrefix(w.URL, "http://")
	_, port, err := net.SplitHostPort(address)
	w.Must(err)
	w.URL, w.api = "http://"+net.JoinHostPort(host, port), api
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	client := *w.Client
	client.Transport = transport
	w.Client = &client
}

// start makes a run of the workflow text in octo/hello.
func (w *world) start(text string) *actions.Run {
	w.t.Helper()
	return w.startAs(text, func(*actions.Run) {})
}

// startAs is like start for a run that change makes another.
func (w *world) startAs(text string, change func(*actions.Run)) *actions.Run {
	w.t.Helper()
	const payload = `{"ref":"refs/heads/main","repository":{"full_name":"octo/hello","html_url":"http://ci.test/octo/hello"}}`
	const path = ".github/workflows/ci.yml"
	ctx := w.t.Context()
	parsed, problem := workflow.Parse(path, []byte(text))
	w.Must(problem)
	run := &actions.Run{
		RepoID: w.hello.ID, Name: "CI", Title: "commit", Path: path, Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
		HeadSHA: strings.Repeat("a", 40), Actor: w.hello.Owner,
	}
	change(run)
	src := &actions.RunSource{Payload: []byte(payload), Workflow: []byte(text)}
	st := &scheduler.Start{Run: run, Repo: w.hello, Source: src, Workflow: parsed}
	w.Must(w.Scheduler.Prepare(ctx, st))
	w.Must(w.Store.Update(ctx, func(tx *store.Tx) error {
		rec := &actions.Workflow{RepoID: w.hello.ID, Path: path, Name: "CI", State: actions.Active, CreatedAt: w.Now(), UpdatedAt: w.Now()}
		if err := tx.SaveWorkflow(ctx, rec); err != nil {
			return err
		}
		run.WorkflowID = rec.ID
		return w.Scheduler.Commit(ctx, tx, st)
	}))
	return run
}

// job is the only job of a run.
func (w *world) job(run *actions.Run) *actions.Job {
	w.t.Helper()
	jobs, err := w.Store.Jobs(w.t.Context(), run.ID, 0)
	w.Must(err)
	jobs = slices.DeleteFunc(jobs, func(j *actions.Job) bool { return j.Key == "" }) // the check run of the file
	if len(jobs) != 1 {
		w.t.Fatalf("%d jobs, want one", len(jobs))
	}
	return jobs[0]
}

// push commits a file to a repository, as the given refs, and returns the commit.
func (w *world) push(repo *actions.Repository, content string, refs ...string) string {
	w.t.Helper()
	return w.pushFiles(repo, map[string]string{"action.yml": content}, refs...)
}

// pushFiles commits files to a new history, pushes it by force as the given refs,
// main if there are none, and returns the commit.
func (w *world) pushFiles(repo *actions.Repository, files map[string]string, refs ...string) string {
	w.t.Helper()
	tree := w.t.TempDir()
	w.RunGit(tree, "init", "-q", "-b", "main")
	for name, text := range files {
		to := filepath.Join(tree, filepath.FromSlash(name))
		w.Must(os.MkdirAll(filepath.Dir(to), 0o755))
		w.Must(os.WriteFile(to, []byte(text), 0o600))
	}
	w.RunGit(tree, "add", "-A")
	w.RunGit(tree, "commit", "-q", "-m", "action")
	args := []string{"push", "-q", "--force", w.Remote(repo, w.admin)}
	if refs == nil {
		refs = []string{"refs/heads/main"}
	}
	for _, ref := range refs {
		args = append(args, "HEAD:"+ref)
	}
	w.RunGit(tree, args...)
	return w.RunGit(tree, "rev-parse", "HEAD")
}

// An answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request with a body of bytes, and checks what must hold for every
// answer to a runner.
func (w *world) do(method, url, authorization string, body io.Reader, contentType string) *answer {
	w.t.Helper()
	headers := []string{"Content-Type: " + contentType}
	if authorization != "" {
		headers = append(headers, "Authorization: "+authorization)
	}
	r := w.Do(method, url, "", body, headers...)
	a := &answer{r.StatusCode, r.Header, r.Text}
	switch {
	case a.status == http.StatusForbidden && strings.Contains(url, "/_runner/") && !strings.Contains(string(a.body), "SessionExpired"):
		w.t.Errorf("%s %s: a bare 403, which old runners take for an order to stop (SES-2)", method, url)
	case a.status >= 300 && a.status < 400:
		w.t.Errorf("%s %s: redirected", method, url)
	case len(a.body) > 0 && a.body[0] == '{' && (!strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || r.ContentLength != int64(len(a.body)) && !r.Uncompressed):
		w.t.Errorf("%s %s: JSON as %q with Content-Length %d (WIRE-1)", method, url, a.header.Get("Content-Type"), r.ContentLength)
	case a.status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") == "":
		w.t.Errorf("%s %s: 401 without WWW-Authenticate (OLD-1)", method, url)
	}
	return a
}

// call sends in as JSON and reads a 2xx answer into out.
func (w *world) call(method, url, authorization string, in, out any) *answer {
	w.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		w.Must(err)
		body = bytes.NewReader(b)
	}
	a := w.do(method, url, authorization, body, "application/json; charset=utf-8")
	if out != nil && a.status < 300 && len(a.body) > 0 {
		w.Must(json.Unmarshal(a.body, out))
	}
	return a
}

// want checks the status of an answer.
func (w *world) want(what string, a *answer, status int) *answer {
	w.t.Helper()
	if a.status != status {
		w.t.Fatalf("%s: %d %s, want %d", what, a.status, a.body, status)
	}
	return a
}

// wantSource checks that an error has the shape by which runners know it.
func (w *world) wantSource(what string, a *answer, status int, source, kind string) {
	w.t.Helper()
	var e struct {
		Source, ErrorKind, ErrorMessage string
		StatusCode                      int
	}
	w.Must(json.Unmarshal(a.body, &e))
	if a.status != status || e.StatusCode != status || e.Source != source || e.ErrorKind != kind || e.ErrorMessage == "" {
		w.t.Errorf("%s: %d %s, want %d of %s, kind %q", what, a.status, a.body, status, source, kind)
	}
}

var storePage = store.Page{Number: 1, Size: 100}
