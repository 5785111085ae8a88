package jobs_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

// Whoever asks again is told again, and what the groups are for now.
func TestAJobSaysWhichGroupDoesNotLetItAsOftenAsItIsAsked(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		guild := s.Organization("guild")
		repo := s.Repository(guild, "tools", true)
		job := s.AddJob(s.AddRun(s.AddWorkflow(repo, ".github/workflows/ci.yml"), nil), func(j *actions.Job) {
			j.Group, j.Status, j.Conclusion = "big", actions.Queued, ""
		})
		says := func(want string) {
			s.Helper()
			for range 2 {
				a := s.Want(s.Do(http.MethodGet, fmt.Sprint("/repos/guild/tools/actions/jobs/", job.ID), s.AdminToken, nil), http.StatusOK)
				if got := a.Header.Get(rest.NoticeHeader); !strings.Contains(got, want) || (want == "") != (got == "") {
					s.Errorf("%q, want %q", got, want)
				}
			}
		}
		says("in the group 'big': this repository has no runner group of that name")
		g := s.Want(s.Do(http.MethodPost, "/orgs/guild/actions/runner-groups", s.AdminToken, resttest.Fields{"name": "Big", "visibility": "selected"}), http.StatusCreated).JSON(s)
		path := fmt.Sprintf("/orgs/guild/actions/runner-groups/%v", g["id"])
		says("the runner group 'Big' is for selected repositories, and this is none of them")
		s.Want(s.Do(http.MethodPatch, path, s.AdminToken, resttest.Fields{"name": "Big", "restricted_to_workflows": true, "visibility": "all"}), http.StatusOK)
		says("the runner group 'Big' is for selected workflows, and this is none of them")
		s.Want(s.Do(http.MethodPatch, path, s.AdminToken, resttest.Fields{"name": "Big", "restricted_to_workflows": false}), http.StatusOK)
		says("") // it lacks runners, and nothing else
	})
}
