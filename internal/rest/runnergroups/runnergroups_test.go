package runnergroups_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestEachScopeHasTheDefaultGroup(t *testing.T) {
	s := resttest.New(t)
	s.Organization("guild", s.Alice)
	for scope, runners := range map[string]string{s.Path(): "/runners", "/orgs/guild": "/runner-groups/1/runners", "/enterprises/understudy": "/runner-groups/1/runners"} {
		got := s.Want(s.Do(http.MethodGet, scope+"/actions/runner-groups", s.AdminToken, nil), http.StatusOK).JSON(t)
		groups, _ := got["runner_groups"].([]any)
		if got["total_count"] != 1.0 || len(groups) != 1 {
			t.Fatalf("%s: %v", scope, got)
		}
		group, _ := groups[0].(map[string]any)
		if group["name"] != "Default" || group["default"] != true || group["runners_url"] != s.URL+"/api/v3"+scope+"/actions"+runners {
			t.Errorf("%s: %v", scope, group)
		}
	}
	behind := s.Want(s.Do(http.MethodGet, "/orgs/guild/actions/runner-groups?page=2", s.AdminToken, nil), http.StatusOK).JSON(t)
	if groups, _ := behind["runner_groups"].([]any); behind["total_count"] != 1.0 || len(groups) != 0 {
		t.Errorf("behind the end: %v", behind)
	}
}

func TestAnAdminSaysWhetherAGroupAllowsPublicRepositories(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		bob := s.User("bob")
		s.Organization("guild", bob)
		owner, member := s.Token(bob, "admin:org"), s.Token(s.Alice, "admin:org", "admin:enterprise")
		for _, scope := range []string{"/enterprises/understudy", "/orgs/guild"} {
			path := scope + "/actions/runner-groups/1"
			allows := func(when string, want bool) {
				t := s.TB
				t.Helper()
				one := s.Want(s.Do(http.MethodGet, path, s.AdminToken, nil), http.StatusOK).JSON(t)
				list := s.Want(s.Do(http.MethodGet, scope+"/actions/runner-groups", s.AdminToken, nil), http.StatusOK).JSON(t)
				listed := list["runner_groups"].([]any)[0].(map[string]any)
				if one["allows_public_repositories"] != want || listed["allows_public_repositories"] != want || one["runners_url"] != s.URL+"/api/v3"+path+"/runners" {
					t.Errorf("%s, %s: %v, listed as %v", scope, when, one, listed)
				}
			}
			for _, want := range []bool{false, true, false} {
				a := s.Want(s.Do(http.MethodPatch, path, s.AdminToken, resttest.Fields{"name": "Default", "visibility": "all", "allows_public_repositories": want}), http.StatusOK)
				if got := a.JSON(s)["allows_public_repositories"]; got != want {
					s.Errorf("%s: answers %v, want %t", scope, got, want)
				}
				allows("set", want)
			}
			s.Want(s.Do(http.MethodPatch, path, s.AdminToken, resttest.Fields{"name": "Default"}), http.StatusOK)
			allows("nothing said", false)
			for _, body := range []resttest.Fields{
				{"name": "other"},
				{"name": "Default", "visibility": "public"},
				{"name": "Default", "selected_workflows": []string{"a"}},
				{"name": "Default", "network_configuration_id": "x"},
			} {
				body["allows_public_repositories"] = true
				s.Want(s.Do(http.MethodPatch, path, s.AdminToken, body), http.StatusUnprocessableEntity)
			}
			s.Want(s.Do(http.MethodPatch, path, s.AdminToken, resttest.Fields{"name": "Default", "allows_public_repositories": "yes"}), http.StatusUnprocessableEntity)
			allows("refused", false)
			s.Want(s.Do(http.MethodPatch, scope+"/actions/runner-groups/2", s.AdminToken, resttest.Fields{"name": "Default"}), http.StatusNotFound)
			s.Want(s.Do(http.MethodGet, scope+"/actions/runner-groups/2", s.AdminToken, nil), http.StatusNotFound)
			if a := s.Do(http.MethodPatch, path, member, resttest.Fields{"name": "Default", "allows_public_repositories": true}); a.StatusCode < 400 {
				s.Errorf("%s: somebody else is answered %d", scope, a.StatusCode)
			}
			allows("somebody else tried", false)
		}
		const ofGuild = "/orgs/guild/actions/runner-groups/1"
		s.Want(s.Do(http.MethodPatch, ofGuild, owner, resttest.Fields{"name": "Default", "allows_public_repositories": true}), http.StatusOK)
		s.Want(s.Do(http.MethodPatch, ofGuild, owner, resttest.Fields{"allows_public_repositories": true}), http.StatusUnprocessableEntity)
	})
}
