package runnerapi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/assign"
	"github.com/understudy-ci/understudy/internal/auth"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/rest/runnergroups"
	"github.com/understudy-ci/understudy/internal/rest/selfhostedrunners"
	"github.com/understudy-ci/understudy/internal/runnerapi"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const (
	lease    = 3 * time.Minute
	heldPoll = 200 * time.Millisecond // instead of 50 s
)

// A world is the surface behind a listener on a real store, with an owner, an
// organization, three repositories, and a clock that tests move.
type world struct {
	t         *testing.T
	st        *store.Store
	git       *gitrepo.Git
	repos     string // directory of the bare repositories
	keys      *token.Keys
	log       *slog.Logger
	queue     *queue.Queue
	scheduler *scheduler.Scheduler
	api       *runnerapi.API
	rest      *rest.API // only the pages of runners
	http      *httptest.Server
	late      atomic.Int64 // nanoseconds ahead of the clock
	drain     context.CancelFunc

	admin string              // a site admin's token
	mona  string              // token of a person who may nothing here
	hello *actions.Repository // octo/hello, private
	tools *actions.Repository // octo/tools, public
	other *actions.Repository // mona/other, private
}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(t, newWorld(t, st)) })
}

func newWorld(t *testing.T, st *store.Store) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	w := &world{t: t, st: st, repos: t.TempDir()}
	var err error
	w.git, err = gitrepo.New(w.repos, gitrepo.Limits{}, log, time.Now)
	w.must(err)
	t.Cleanup(func() { w.must(w.git.Close()) })
	w.keys, err = token.LoadKeys(t.TempDir(), rand.Reader)
	w.must(err)
	blobs, err := blobfs.New(t.TempDir(), blobfs.Options{Now: w.now, NoSync: true})
	w.must(err)
	a := auth.New(st, w.now)
	w.log, w.queue = log, queue.New(st, log, lease, w.now)
	w.scheduler = scheduler.New(scheduler.Config{Store: st, Queue: w.queue, Sources: source.New(st), Log: log, Now: w.now, NewID: uuid.NewString, Lease: lease})
	w.people(a)
	bot := w.account(actions.JobBot, actions.Bot, false)
	rs := runners.New(runners.Config{
		Store: st, Queue: w.queue, Scheduler: w.scheduler, Keys: w.keys, Log: log, Now: w.now, NewID: uuid.NewString, Random: rand.Reader,
		PollTime: heldPoll, CompletionTime: 50 * time.Millisecond,
	})
	w.rest, err = rest.New(rest.Config{Store: st, Auth: a, Runners: rs, Log: log, Now: w.now}, append(selfhostedrunners.Routes(rs, w.now), runnergroups.Routes()...))
	w.must(err)
	w.api = runnerapi.New(runnerapi.Config{
		Store: st, Auth: a, Queue: w.queue, Scheduler: w.scheduler, Git: w.git, Keys: w.keys, Log: log, Now: w.now,
		Runners: rs,
		Assigner: assign.New(assign.Config{
			Store: st, Queue: w.queue, Scheduler: w.scheduler, Sources: source.New(st), Keys: w.keys, Log: log, Now: w.now, BotID: bot.ID,
		}),
		Logs: logs.New(logs.Config{Store: st, Blobs: blobs, Log: log, Now: w.now}),
	})
	w.serve()
	return w
}

// serve mounts the surface as the server does.
func (w *world) serve() {
	draining, drain := context.WithCancel(context.Background())
	w.drain = drain
	w.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(draining, cancel)()
		r = httpjson.SingleSlashes(r)
		switch path := strings.TrimPrefix(r.URL.Path, "/api/v3"); {
		case path == "/"+wire.RegistrationPath, path == "/"+wire.RegisterPath:
			http.StripPrefix("/api/v3", w.api).ServeHTTP(rw, r)
		case path != r.URL.Path:
			http.StripPrefix("/api/v3", w.rest).ServeHTTP(rw, r)
		default:
			w.api.ServeHTTP(rw, r.WithContext(ctx))
		}
	}))
	w.t.Cleanup(w.http.Close)
	w.t.Cleanup(drain)
}

func (w *world) people(a *auth.Auth) {
	octo, mona := w.account("octo", actions.User, false), w.account("mona", actions.User, false)
	w.account("guild", actions.Organization, false)
	w.admin = w.personalToken(a, w.account("root", actions.User, true))
	w.mona = w.personalToken(a, mona)
	w.hello, w.tools, w.other = w.repository(octo, "hello", true), w.repository(octo, "tools", false), w.repository(mona, "other", true)
}

func (w *world) account(login string, kind actions.AccountType, admin bool) *actions.Account {
	w.t.Helper()
	a := &actions.Account{Login: login, Type: kind, SiteAdmin: admin, CreatedAt: w.now(), UpdatedAt: w.now()}
	w.must(w.st.CreateAccount(w.t.Context(), a))
	return a
}

func (w *world) personalToken(a *auth.Auth, who *actions.Account) string {
	w.t.Helper()
	text, err := a.Create(w.t.Context(), &actions.Token{AccountID: who.ID, Kind: actions.Classic, Scopes: actions.Scopes()})
	w.must(err)
	return text
}

func (w *world) repository(owner *actions.Account, name string, private bool) *actions.Repository {
	w.t.Helper()
	r := &actions.Repository{Owner: *owner, Name: name, Private: private, DefaultBranch: "main", CreatedAt: w.now(), UpdatedAt: w.now()}
	w.must(w.st.CreateRepository(w.t.Context(), r))
	w.must(w.git.Create(w.t.Context(), r.ID, "main"))
	return r
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.late.Load())) }

// pass moves the clock.
func (w *world) pass(d time.Duration) { w.late.Add(int64(d)) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// start makes a run of the workflow text in octo/hello.
func (w *world) start(text string) *actions.Run {
	w.t.Helper()
	const payload = `{"ref":"refs/heads/main","repository":{"full_name":"octo/hello","html_url":"http://ci.test/octo/hello"}}`
	const path = ".github/workflows/ci.yml"
	ctx := w.t.Context()
	parsed, problem := workflow.Parse(path, []byte(text))
	w.must(problem)
	run := &actions.Run{
		RepoID: w.hello.ID, Name: "CI", Title: "commit", Path: path, Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
		HeadSHA: strings.Repeat("a", 40), Actor: w.hello.Owner,
	}
	src := &actions.RunSource{Payload: []byte(payload), Workflow: []byte(text)}
	st := &scheduler.Start{Run: run, Repo: w.hello, Source: src, Workflow: parsed}
	w.must(w.scheduler.Prepare(ctx, st))
	w.must(w.st.Update(ctx, func(tx *store.Tx) error {
		rec := &actions.Workflow{RepoID: w.hello.ID, Path: path, Name: "CI", State: actions.Active, CreatedAt: w.now(), UpdatedAt: w.now()}
		if err := tx.SaveWorkflow(ctx, rec); err != nil {
			return err
		}
		run.WorkflowID = rec.ID
		return w.scheduler.Commit(ctx, tx, st)
	}))
	return run
}

// job is the only job of a run.
func (w *world) job(run *actions.Run) *actions.Job {
	w.t.Helper()
	jobs, err := w.st.Jobs(w.t.Context(), run.ID, 0)
	w.must(err)
	jobs = slices.DeleteFunc(jobs, func(j *actions.Job) bool { return j.Key == "" }) // the check run of the file
	if len(jobs) != 1 {
		w.t.Fatalf("%d jobs, want one", len(jobs))
	}
	return jobs[0]
}

// runGit runs git in a directory and returns what it prints.
func (w *world) runGit(dir string, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Mona", "GIT_AUTHOR_EMAIL=mona@example.com", "GIT_COMMITTER_NAME=Mona", "GIT_COMMITTER_EMAIL=mona@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// push commits a file to a repository, as the given refs, and returns the commit.
func (w *world) push(repo *actions.Repository, content string, refs ...string) string {
	w.t.Helper()
	tree := w.t.TempDir()
	w.runGit(tree, "init", "-q", "-b", "main")
	w.must(os.WriteFile(filepath.Join(tree, "action.yml"), []byte(content), 0o600))
	w.runGit(tree, "add", "-A")
	w.runGit(tree, "commit", "-q", "-m", content)
	args := []string{"-c", "core.hooksPath=/dev/null", "push", "-q", "--force", "--receive-pack", "git -c core.hooksPath=/dev/null receive-pack", w.bare(repo)}
	for _, ref := range refs {
		args = append(args, "HEAD:"+ref)
	}
	w.runGit(tree, args...)
	return w.runGit(tree, "rev-parse", "HEAD")
}

func (w *world) bare(repo *actions.Repository) string {
	w.t.Helper()
	name := strconv.FormatInt(repo.ID, 10) + ".git"
	for _, pattern := range []string{name, "*/" + name, "*/*/" + name} {
		if found, err := filepath.Glob(filepath.Join(w.repos, pattern)); err == nil && len(found) == 1 {
			return found[0]
		}
	}
	w.t.Fatalf("repository %d has no directory", repo.ID)
	return ""
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
	if strings.HasPrefix(url, "/") {
		url = w.http.URL + url
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, url, body)
	w.must(err)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	req.Header.Set("Content-Type", contentType)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	w.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	w.must(err)
	a := &answer{resp.StatusCode, resp.Header, text}
	switch {
	case a.status == http.StatusForbidden && strings.Contains(url, "/_runner/"):
		w.t.Errorf("%s %s: 403, which old runners take for an order to stop (SES-2)", method, url)
	case a.status >= 300 && a.status < 400:
		w.t.Errorf("%s %s: redirected", method, url)
	case len(text) > 0 && text[0] == '{' && (!strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || resp.ContentLength != int64(len(text))):
		w.t.Errorf("%s %s: JSON as %q with Content-Length %d (WIRE-1)", method, url, a.header.Get("Content-Type"), resp.ContentLength)
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
		w.must(err)
		body = bytes.NewReader(b)
	}
	a := w.do(method, url, authorization, body, "application/json; charset=utf-8")
	if out != nil && a.status < 300 && len(a.body) > 0 {
		w.must(json.Unmarshal(a.body, out))
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
	w.must(json.Unmarshal(a.body, &e))
	if a.status != status || e.StatusCode != status || e.Source != source || e.ErrorKind != kind || e.ErrorMessage == "" {
		w.t.Errorf("%s: %d %s, want %d of %s, kind %q", what, a.status, a.body, status, source, kind)
	}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	return storetest.Open(t)
}

var storePage = store.Page{Number: 1, Size: 100}
