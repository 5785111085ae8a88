// Package resttest is what tests of the pages of the REST API share: a whole server
// with a site admin, a user with a repository, and what runs leave behind. Every
// answer of the API is checked against GitHub's description.
package resttest

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/openapitest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Site is a server with people on it.
type Site struct {
	*servertest.Site

	Alice      *actions.Account
	AliceToken string              // with the scopes repo and workflow
	Repo       *actions.Repository // alice/hello, private and empty
}

// Fields are those of a JSON object.
type Fields map[string]any

// New starts a server on SQLite.
func New(t testing.TB) *Site {
	t.Helper()
	return settled(servertest.New(t, checked(t)))
}

// Each runs a test with a server on each engine of the store.
func Each(t *testing.T, test func(s *Site)) {
	t.Helper()
	servertest.Each(t, func(_ *testing.T, s *servertest.Site) { test(settled(s)) }, checked(t))
}

func checked(t testing.TB) servertest.Option {
	t.Helper()
	return servertest.WithTransport(func(base http.RoundTripper) http.RoundTripper {
		return additive{base, openapitest.New(t).Transport(base)}
	})
}

func settled(site *servertest.Site) *Site {
	site.Helper()
	s := &Site{Site: site, Alice: site.User("alice")}
	s.AliceToken = s.Token(s.Alice, "repo", "workflow")
	s.Repo = s.Repository(s.Alice, "hello", true)
	return s
}

// additive sends what GitHub's description does not know past the checker: our own
// operations, and operations and paths of GitHub's that are not in it.
type additive struct{ plain, checked http.RoundTripper }

// statuses is a path that GitHub still answers a GET to, and describes no more.
var statuses = regexp.MustCompile(`/repos/[^/]+/[^/]+/statuses/`)

var ours = regexp.MustCompile(`/actions/artifacts/(usage|\d+/files(/.*)?)$|/actions/runs/\d+(/attempts/\d+)?/actions$|/repos/[^/]+/[^/]+/(actions/runner-groups|actions/events|hash-algorithm|tarball|zipball|contents/?|readme/)$|/api/v3/(repositories|organizations)/\d+|/commits/[^/]+/.+/(check-runs|status)$`)

// objectType is a media type whose answers the checker takes for those of JSON.
const objectType = "application/vnd.github.object+json"

// RoundTrip sends a request.
func (a additive) RoundTrip(r *http.Request) (*http.Response, error) {
	if ours.MatchString(r.URL.Path) || r.Method == http.MethodGet && statuses.MatchString(r.URL.Path) || r.Header.Get("Accept") == objectType {
		return a.plain.RoundTrip(r)
	}
	return a.checked.RoundTrip(r)
}

// Do sends a request for a path of the API, or a whole URL, as [servertest.Site.Do] does.
func (s *Site) Do(method, path, token string, body any, headers ...string) *servertest.Reply {
	s.Helper()
	if strings.HasPrefix(path, "/") {
		path = servertest.API + path
	}
	return s.Site.Do(method, path, token, body, headers...)
}

// Get reads a path of the API as Alice.
func (s *Site) Get(path string, headers ...string) *servertest.Reply {
	s.Helper()
	return s.Do(http.MethodGet, path, s.AliceToken, nil, headers...)
}

// Refused fails the test if the answer is not this refusal.
func (s *Site) Refused(a *servertest.Reply, status int, message string) {
	s.Helper()
	if got := s.Want(a, status).JSON(s)["message"]; got != message {
		s.Errorf("%s %s: message %q, want %q", a.Request.Method, a.Request.URL, got, message)
	}
}

// JobToken is the token of a job of a repository, with permissions.
func (s *Site) JobToken(repo *actions.Repository, access map[string]string) string {
	s.Helper()
	return s.Site.JobToken(repo, 77, access)
}

// GoGitHub is Google's client with a token.
func (s *Site) GoGitHub(token string) *github.Client {
	s.Helper()
	c, err := github.NewClient(github.WithHTTPClient(s.Client), github.WithAuthToken(token), github.WithEnterpriseURLs(s.URL, s.URL))
	s.Must(err)
	return c
}

// Path is one below Alice's repository; parts are strings and ids.
func (s *Site) Path(parts ...any) string {
	s.Helper()
	var b strings.Builder
	b.WriteString("/repos/alice/hello")
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString("/" + p)
		case int64:
			b.WriteString("/" + strconv.FormatInt(p, 10))
		default:
			s.Fatalf("a path has no %T", p)
		}
	}
	return b.String()
}

// HelloWorkflow starts at pushes, and by hand with two inputs; it has two jobs.
const HelloWorkflow = `name: Hello
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

// Push pushes files to a branch of a repository as Alice.
func (s *Site) Push(repo *actions.Repository, branch string, files map[string]string) (sha string) {
	s.Helper()
	return s.Site.Push(repo, branch, s.AliceToken, files)
}

// Pushed pushes [HelloWorkflow] to Alice's repository, and returns the run that it made.
func (s *Site) Pushed() (sha string, run *actions.Run) {
	s.Helper()
	sha = s.Push(s.Repo, "main", map[string]string{".github/workflows/hello.yml": HelloWorkflow, "README.md": "# Hello\n"})
	runs, n, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: s.Repo.ID}, store.Page{Number: 1, Size: 10})
	s.Must(err)
	if n != 1 {
		s.Fatalf("the push made %d runs, want 1", n)
	}
	return sha, runs[0]
}
