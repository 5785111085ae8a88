package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-github/v75/github"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/githttp"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/openapitest"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/trigger"
)

func TestMain(m *testing.M) { os.Exit(openapitest.Main(m)) }

// A site is a server with everything that REST needs, and people on it.
type site struct {
	*testing.T
	store     *store.Store
	auth      *auth.Auth
	git       *gitrepo.Git
	queue     *queue.Queue
	scheduler *scheduler.Scheduler
	trigger   *trigger.Trigger
	blobs     blob.Store
	objects   *object.Objects
	artifacts *artifact.Artifacts
	caches    *cache.Caches
	late      atomic.Int64 // how much later it is for artifacts, in nanoseconds
	api       *rest.API
	url       string
	client    *http.Client // its answers are checked against GitHub's description

	admin, alice *actions.Account
	root         string // the admin's token
	token        string // alice's
	repo         *actions.Repository
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteOn(t, storetest.Open(t))
}

// each runs a test with each engine of the store.
func each(t *testing.T, test func(s *site)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(newSiteOn(t, st)) })
}

func newSiteOn(t *testing.T, st *store.Store) *site {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := &site{T: t, store: st, auth: auth.New(st, time.Now)}
	var err error
	s.git, err = gitrepo.New(filepath.Join(t.TempDir(), "git"), gitrepo.Limits{}, log, time.Now)
	s.must(err)
	t.Cleanup(func() { _ = s.git.Close() })
	s.queue = queue.New(st, log, time.Minute, time.Now)
	s.scheduler = scheduler.New(scheduler.Config{Store: st, Queue: s.queue, Sources: source.New(st), Log: log, Now: time.Now, NewID: uuid.NewString, Lease: time.Minute})
	s.trigger = trigger.New(st, s.git, s.scheduler, log, time.Now)
	now := func() time.Time { return time.Now().Add(time.Duration(s.late.Load())) }
	s.keep(log, now)
	s.api = rest.New(rest.Config{
		Store: st, Auth: s.auth, Git: s.git, Log: log, Now: now, Runs: s.scheduler,
		Artifacts: s.artifacts, ArtifactDays: 90, Caches: s.caches,
		ArtifactURL: func(r *http.Request, art *actions.Artifact) (string, error) {
			return "http://" + r.Host + "/_blobs/artifacts/" + strconv.FormatInt(art.ID, 10), nil
		},
		Dispatch: func(ctx context.Context, d *rest.Dispatch) (int64, error) {
			return s.trigger.Dispatch(ctx, (*trigger.Dispatch)(d))
		},
		RunLogURL: func(r *http.Request, run *actions.Run, attempt int) (string, error) {
			return "http://" + r.Host + "/_blobs/logs/" + strconv.FormatInt(run.ID, 10) + "/" + strconv.Itoa(attempt), nil
		},
		JobLogURL: func(r *http.Request, job *actions.Job) (string, error) {
			return "http://" + r.Host + "/_blobs/joblogs/" + strconv.FormatInt(job.ID, 10), nil
		},
	})
	graphql := s.api.GraphQL()
	repositories := githttp.New(githttp.Config{Git: s.git, Log: log, Access: s.access})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/v3/"):
			http.StripPrefix("/api/v3", s.api).ServeHTTP(w, r)
		case r.URL.Path == "/api/graphql":
			graphql.ServeHTTP(w, r)
		default:
			repositories.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.client = &http.Client{
		Transport:     additive{server.Client().Transport, openapitest.New(t).Transport(server.Client().Transport)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.admin = s.account("admin", func(a *actions.Account) { a.SiteAdmin = true })
	s.alice = s.account("alice", nil)
	s.root = s.newToken(s.admin, actions.Scopes()...)
	s.token = s.newToken(s.alice, "repo", "workflow")
	s.repo = s.repository(s.alice, "hello", true)
	return s
}

// access lets alice do what she wants with git.
func (s *site) access(r *http.Request, owner, name string) (*githttp.Access, error) {
	repo, err := s.auth.Repository(r.Context(), owner, name)
	if err != nil {
		return nil, err
	}
	base := shape.Base{API: s.url + "/api/v3", HTML: s.url}
	push := func(ctx context.Context, updates []actions.RefUpdate, _ *gitrepo.View) (func(context.Context, []actions.RefUpdate) error, error) {
		p := &actions.Push{RepoID: repo.ID, ActorID: s.alice.ID, Updates: updates}
		done := func(ctx context.Context, applied []actions.RefUpdate) error {
			return s.trigger.Pushed(ctx, base, p, applied)
		}
		return done, s.trigger.Intend(ctx, p)
	}
	return &githttp.Access{RepoID: repo.ID, Push: push, Workflows: true}, nil
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) account(login string, change func(*actions.Account)) *actions.Account {
	s.Helper()
	a := &actions.Account{Login: login, Type: actions.User, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if change != nil {
		change(a)
	}
	s.must(s.store.CreateAccount(s.Context(), a))
	return a
}

func (s *site) newToken(a *actions.Account, scopes ...string) string {
	s.Helper()
	text, err := s.auth.Create(s.Context(), &actions.Token{AccountID: a.ID, Kind: actions.Classic, Scopes: scopes})
	s.must(err)
	return text
}

func (s *site) jobToken(repo *actions.Repository, access map[string]string) string {
	s.Helper()
	text, err := s.auth.Create(s.Context(), &actions.Token{AccountID: s.alice.ID, Kind: actions.JobToken, RepoID: repo.ID, JobID: 77, Access: access})
	s.must(err)
	return text
}

func (s *site) repository(owner *actions.Account, name string, private bool) *actions.Repository {
	s.Helper()
	r := &actions.Repository{Owner: *owner, Name: name, Private: private, DefaultBranch: "main", CreatedAt: time.Now(), UpdatedAt: time.Now()}
	s.must(s.store.CreateRepository(s.Context(), r))
	s.must(s.git.Create(s.Context(), r.ID, "main"))
	return r
}

// A reply is an answer, read.
type reply struct {
	*http.Response
	text []byte
}

// json decodes the body.
func (a *reply) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.text, &m); err != nil {
		t.Fatalf("%v: %s", err, a.text)
	}
	return m
}

// do sends a request for a path of the API. Headers are "Name: value".
func (s *site) do(method, path, token string, body any, headers ...string) *reply {
	s.Helper()
	var text io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		text = strings.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		s.must(err)
		text = bytes.NewReader(encoded)
	}
	if strings.HasPrefix(path, "/") {
		path = s.url + "/api/v3" + path
	}
	r, err := http.NewRequestWithContext(s.Context(), method, path, text)
	s.must(err)
	if token != "" {
		r.Header.Set("Authorization", "token "+token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	res, err := s.client.Do(r)
	s.must(err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	s.must(err)
	return &reply{res, read}
}

func (s *site) get(path string, headers ...string) *reply {
	s.Helper()
	return s.do(http.MethodGet, path, s.token, nil, headers...)
}

// want fails the test if the answer has another status.
func (s *site) want(a *reply, status int) *reply {
	s.Helper()
	if a.StatusCode != status {
		s.Fatalf("%s %s: got %d, want %d: %s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.text)
	}
	return a
}

// refused fails the test if the answer is not this refusal.
func (s *site) refused(a *reply, status int, message string) {
	s.Helper()
	if got := s.want(a, status).json(s)["message"]; got != message {
		s.Errorf("%s %s: message %q, want %q", a.Request.Method, a.Request.URL, got, message)
	}
}

// goGitHub is Google's client with a token.
func (s *site) goGitHub(token string) *github.Client {
	s.Helper()
	c, err := github.NewClient(s.client).WithAuthToken(token).WithEnterpriseURLs(s.url, s.url)
	s.must(err)
	return c
}

// push commits files and pushes them to a branch of the repository.
func (s *site) push(repo *actions.Repository, branch string, files map[string]string) (sha string) {
	s.Helper()
	dir := s.TempDir()
	git := func(args ...string) string {
		s.Helper()
		cmd := exec.CommandContext(s.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
			"GIT_AUTHOR_NAME=Alice", "GIT_AUTHOR_EMAIL=alice@example.com", "GIT_COMMITTER_NAME=Alice", "GIT_COMMITTER_EMAIL=alice@example.com")
		out, err := cmd.CombinedOutput()
		if err != nil {
			s.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", branch)
	for name, text := range files {
		s.must(os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		s.must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	git("add", "-A")
	git("commit", "-q", "-m", "a commit\n\nwith a body")
	u, err := url.Parse(s.url)
	s.must(err)
	u.User = url.UserPassword("alice", s.token)
	git("push", "-q", u.String()+"/"+repo.FullName()+".git", branch)
	s.auth.Changed()
	return git("rev-parse", "HEAD")
}

const helloWorkflow = `name: Hello
on:
  push:
  workflow_dispatch:
    inputs:
      who: {type: string, default: world}
      loud: {type: boolean}
jobs:
  greet:
    runs-on: ubuntu-latest
    strategy:
      matrix: {n: [1, 2]}
    steps:
      - run: echo hello
`

// pushed is a repository with one workflow and the run that its push made.
func (s *site) pushed() (sha string, run *actions.Run) {
	s.Helper()
	sha = s.push(s.repo, "main", map[string]string{".github/workflows/hello.yml": helloWorkflow, "README.md": "# Hello\n"})
	runs, n, err := s.store.Runs(s.Context(), store.RunFilter{RepoID: s.repo.ID}, store.Page{Number: 1, Size: 10})
	s.must(err)
	if n != 1 {
		s.Fatalf("the push made %d runs, want 1", n)
	}
	return sha, runs[0]
}

// path is one below alice's repository.
func (s *site) path(parts ...any) string {
	var b strings.Builder
	b.WriteString("/repos/alice/hello")
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString("/" + p)
		case int64:
			b.WriteString("/" + strconv.FormatInt(p, 10))
		}
	}
	return b.String()
}

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
