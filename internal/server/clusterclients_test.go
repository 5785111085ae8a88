package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/runner"
	"github.com/understudy-ci/understudy/internal/servertest"
)

// hire registers a bundled runner at a server, and lets it work until the end of the
// test.
func hire(s *servertest.Site) {
	s.Helper()
	hireFor(s, "/enterprises/understudy", "/enterprises/understudy")
}

// hireFor registers one for what has a page and a path of the API.
func hireFor(s *servertest.Site, page, api string) {
	s.Helper()
	token := s.Want(s.Do(http.MethodPost, servertest.API+api+"/actions/runners/registration-token", s.AdminToken, nil), http.StatusCreated)
	log := slog.New(slog.NewTextHandler(s.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	root, transport := s.TempDir(), http.DefaultTransport.(*http.Transport).Clone()
	s.Must(runner.Configure(s.Context(), runner.Options{
		Root: root, URL: s.URL + page, Token: token.JSON(s)["token"].(string), Name: "box", Transport: transport, Log: log,
	}))
	r, err := runner.New(runner.Config{Root: root, Env: []string{"PATH=" + os.Getenv("PATH")}, Transport: transport, Now: time.Now, Log: log})
	s.Must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.Context())) // it takes leave of its server
	ended := make(chan error, 1)
	go func() { ended <- r.Listen(ctx) }()
	s.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, runner.ErrRemoved) {
			s.Errorf("runner: %v", err)
		}
		transport.CloseIdleConnections() // its process would end
	})
}

// waits returns when the runner that was hired at a server waits for a job there, after
// it has looked for one: only a notice brings it the next.
func waits(s *servertest.Site) {
	s.Helper()
	s.Await("the runner waits", func() bool { return s.Queue.Idle() > 0 })
}

// project is a repository with a workflow whose job has two steps; the second one
// ends when gates has a file with the number of the run, and says before that it waits.
func project(s *servertest.Site, owner *actions.Account, gates string) *actions.Repository {
	s.Helper()
	repo := s.Repository(owner, "hello", true)
	s.Push(repo, "main", s.AdminToken, map[string]string{".github/workflows/ci.yml": fmt.Sprintf(`
on: workflow_dispatch
jobs:
  build:
    runs-on: self-hosted
    steps:
      - run: echo the first step
      - run: |
          echo waiting for the gate
          while [ ! -e '%s/${{ github.run_id }}' ]; do sleep 0.02; done
          echo the second step
`, gates)})
	return repo
}

// dispatch asks a server for a run, and returns it and its job.
func dispatch(s *servertest.Site, repo *actions.Repository) (run, job int64) {
	s.Helper()
	path := servertest.API + "/repos/" + repo.FullName() + "/actions/"
	var made struct {
		ID int64 `json:"workflow_run_id"`
	}
	s.Want(s.Do(http.MethodPost, path+"workflows/ci.yml/dispatches", s.AdminToken, map[string]any{"ref": "main", "return_run_details": true}), http.StatusOK).Into(s, &made)
	jobs, err := s.Store.Jobs(s.Context(), made.ID, 1)
	s.Must(err)
	return made.ID, jobs[0].ID
}

// status is that of a job by the REST API of a server.
func status(s *servertest.Site, repo *actions.Repository, job int64) string {
	s.Helper()
	return s.Want(s.Do(http.MethodGet, fmt.Sprintf("%s/repos/%s/actions/jobs/%d", servertest.API, repo.FullName(), job), s.AdminToken, nil), http.StatusOK).JSON(s)["status"].(string)
}

// An openPage is the stream of events of a page in a browser.
type openPage struct {
	s    *servertest.Site
	path string
	in   *bufio.Scanner
}

// open opens the stream of a page for who has the session.
func open(s *servertest.Site, path, session string) *openPage {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute) // ends a test that hangs
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	s.Must(err)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: auth.Cookie, Value: session})
	res, err := s.Client.Do(r)
	s.Must(err)
	s.Cleanup(func() {
		cancel()
		_ = res.Body.Close() // it is read to its end, or given up
	})
	if res.StatusCode != http.StatusOK {
		s.Fatalf("%s: %s", path, res.Status)
	}
	return &openPage{s, path, bufio.NewScanner(res.Body)}
}

// shows reads until an event has the text.
func (p *openPage) shows(text string) {
	p.s.Helper()
	var before []string
	for p.in.Scan() {
		if strings.Contains(p.in.Text(), text) {
			return
		}
		before = append(before, p.in.Text())
	}
	p.s.Fatalf("%s ended before it showed %q: %v\n%s", p.path, text, p.in.Err(), strings.Join(before, "\n"))
}

// ends reads until the server ends the stream.
func (p *openPage) ends() {
	p.s.Helper()
	for p.in.Scan() {
	}
	if err := p.in.Err(); err != nil {
		p.s.Errorf("%s did not end: %v", p.path, err)
	}
}

func session(s *servertest.Site, a *actions.Account) string {
	s.Helper()
	return s.TokenAs(&actions.Token{AccountID: a.ID, Kind: actions.WebSession, Scopes: []string{"repo"}})
}
