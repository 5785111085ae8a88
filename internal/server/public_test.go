package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

// The site has a runner and two people. Anybody could have it run their code.
func TestAJobOfAPublicRepositoryWaitsUntilAnAdminAllowsIt(t *testing.T) {
	s := servertest.New(t, servertest.WithConfig(func(c *servertest.Config) { c.AllowPublic = false }))
	s.Serve()
	const repoPath, groupPath = servertest.API + "/repos/octo/hello", servertest.API + "/enterprises/understudy/actions/runner-groups/1"
	gates := t.TempDir()
	repo := project(s, s.User("octo"), gates)
	s.Want(s.Do(http.MethodPatch, repoPath, s.AdminToken, map[string]any{"private": false}), http.StatusOK)
	hire(s)
	waits(s)
	run, job := dispatch(s, repo)
	jobPath := fmt.Sprintf("%s/actions/jobs/%d", repoPath, job)
	const why = "the runner group 'Default' does not allow them. An admin can set allows_public_repositories"
	s.Await("the API says why", func() bool {
		a := s.Want(s.Do(http.MethodGet, jobPath, s.AdminToken, nil), http.StatusOK)
		return a.JSON(t)["status"] == "queued" && strings.Contains(a.Header.Get(rest.NoticeHeader), why)
	})
	page := fmt.Sprintf("/octo/hello/actions/runs/%d", run)
	s.Await("the page says why", func() bool {
		return strings.Contains(strings.ReplaceAll(string(s.Do(http.MethodGet, page, "", nil).Text), "&#39;", "'"), why)
	})
	s.Want(s.Do(http.MethodPatch, groupPath, s.AdminToken, map[string]any{"allows_public_repositories": true}), http.StatusOK)
	s.Await("the job is in progress", func() bool { return status(s, repo, job) == "in_progress" })
	if a := s.Do(http.MethodGet, jobPath, s.AdminToken, nil); a.Header.Get(rest.NoticeHeader) != "" {
		t.Errorf("a job in progress waits: %s", a.Header.Get(rest.NoticeHeader))
	}
	s.Want(s.Do(http.MethodPost, fmt.Sprintf("%s/actions/runs/%d/force-cancel", repoPath, run), s.AdminToken, nil), http.StatusAccepted)
}

func TestTheOperatorAloneRunsPublicRepositories(t *testing.T) {
	s := servertest.New(t, servertest.WithConfig(func(c *servertest.Config) { c.AllowPublic = false }))
	const groupPath = servertest.API + "/enterprises/understudy/actions/runner-groups/1"
	for _, c := range []struct {
		when  string
		allow bool
		do    func()
	}{
		{"the operator alone", true, func() {}},
		{"mona, too", false, func() { s.User("mona") }},
		{"mona is gone", true, func() {
			s.Want(s.Do(http.MethodDelete, servertest.API+"/admin/users/mona", s.AdminToken, nil), http.StatusNoContent)
		}},
	} {
		c.do()
		if got := s.Want(s.Do(http.MethodGet, groupPath, s.AdminToken, nil), http.StatusOK).JSON(t)["allows_public_repositories"]; got != c.allow {
			t.Errorf("%s: %v, want %t", c.when, got, c.allow)
		}
	}
}
