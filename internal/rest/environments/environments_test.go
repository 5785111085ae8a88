package environments_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestEnvironmentsAreMadeReadChangedAndRemoved(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		for _, version := range []string{"2022-11-28", "2026-03-10"} {
			header := "X-GitHub-Api-Version: " + version
			path := s.Path("environments/prod%2Feu")
			s.Want(s.Get(path, header), http.StatusNotFound)
			made := s.Want(s.Do(http.MethodPut, path, s.AliceToken, nil, header), http.StatusOK).JSON(s)
			if made["name"] != "prod/eu" || made["deployment_branch_policy"] != nil || len(made["protection_rules"].([]any)) != 0 || made["can_admins_bypass"] != true {
				s.Errorf("made %v", made)
			}
			if made["url"] != s.URL+"/api/v3/repos/alice/hello/environments/prod%2Feu" {
				s.Errorf("url %v", made["url"])
			}
			changed := s.Want(s.Do(http.MethodPut, s.Path("environments/PROD%2Feu"), s.AliceToken, resttest.Fields{
				"wait_timer": 30, "prevent_self_review": true, "reviewers": []resttest.Fields{{"type": "User", "id": s.Alice.ID}},
				"deployment_branch_policy": resttest.Fields{"protected_branches": false, "custom_branch_policies": true}, "can_admins_bypass": false,
			}, header), http.StatusOK).JSON(s)
			if changed["id"] != made["id"] || changed["name"] != "prod/eu" || changed["can_admins_bypass"] != false {
				s.Errorf("changed %v", changed)
			}
			rules := changed["protection_rules"].([]any)
			if len(rules) != 3 || rules[0].(map[string]any)["wait_timer"] != 30.0 || rules[2].(map[string]any)["type"] != "branch_policy" {
				s.Fatalf("rules %v", rules)
			}
			reviewers := rules[1].(map[string]any)["reviewers"].([]any)
			if who := reviewers[0].(map[string]any)["reviewer"].(map[string]any)["login"]; who != "alice" || rules[1].(map[string]any)["prevent_self_review"] != true {
				s.Errorf("reviewers %v", rules[1])
			}
			if policy := changed["deployment_branch_policy"].(map[string]any); policy["custom_branch_policies"] != true || policy["protected_branches"] != false {
				s.Errorf("policy %v", policy)
			}
			list := s.Want(s.Get(s.Path("environments"), header), http.StatusOK).JSON(s)
			if list["total_count"] != 1.0 || list["environments"].([]any)[0].(map[string]any)["id"] != made["id"] {
				s.Errorf("list %v", list)
			}
			reset := s.Want(s.Do(http.MethodPut, path, s.AliceToken, `{"wait_timer":null,"reviewers":null,"deployment_branch_policy":null}`, header), http.StatusOK).JSON(s)
			if len(reset["protection_rules"].([]any)) != 0 || reset["deployment_branch_policy"] != nil {
				s.Errorf("reset to %v", reset)
			}
			s.Want(s.Do(http.MethodDelete, path, s.AliceToken, nil, header), http.StatusNoContent)
			s.Want(s.Do(http.MethodDelete, path, s.AliceToken, nil, header), http.StatusNotFound)
		}
	})
}

func TestAnEnvironmentThatCannotBeIsRefused(t *testing.T) {
	s := resttest.New(t)
	outsider := s.User("mona")
	guild := s.Organization("guild")
	path := s.Path("environments/staging")
	reviewers := func(n int, kind string, id int64) []resttest.Fields {
		list := make([]resttest.Fields, n)
		for i := range list {
			list[i] = resttest.Fields{"type": kind, "id": id + int64(i)}
		}
		return list
	}
	for name, body := range map[string]any{
		"a negative timer":      resttest.Fields{"wait_timer": -1},
		"more than 30 days":     resttest.Fields{"wait_timer": 43_201},
		"a timer in words":      resttest.Fields{"wait_timer": "30"},
		"both policies":         resttest.Fields{"deployment_branch_policy": resttest.Fields{"protected_branches": true, "custom_branch_policies": true}},
		"neither policy":        resttest.Fields{"deployment_branch_policy": resttest.Fields{"protected_branches": false, "custom_branch_policies": false}},
		"seven reviewers":       resttest.Fields{"reviewers": reviewers(7, "User", s.Alice.ID)},
		"who is not there":      resttest.Fields{"reviewers": reviewers(1, "User", 9999)},
		"who may not read it":   resttest.Fields{"reviewers": reviewers(1, "User", outsider.ID)},
		"an organization":       resttest.Fields{"reviewers": reviewers(1, "User", guild.ID)},
		"a team":                resttest.Fields{"reviewers": reviewers(1, "Team", 1)},
		"another kind":          resttest.Fields{"reviewers": reviewers(1, "Robot", s.Alice.ID)},
		"the same twice":        resttest.Fields{"reviewers": append(reviewers(1, "User", s.Alice.ID), reviewers(1, "User", s.Alice.ID)...)},
		"self review of nobody": resttest.Fields{"prevent_self_review": true},
	} {
		if a := s.Do(http.MethodPut, path, s.AliceToken, body); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
		}
	}
	for _, name := range []string{strings.Repeat("é", 256), "a\nb", " "} {
		s.Want(s.Do(http.MethodPut, s.Path("environments", url.PathEscape(name)), s.AliceToken, nil), http.StatusUnprocessableEntity)
	}
	s.Want(s.Do(http.MethodPut, s.Path("environments", url.PathEscape(strings.Repeat("é", 255))), s.AliceToken, nil), http.StatusOK)
	s.Want(s.Get(path), http.StatusNotFound)
	s.Want(s.Do(http.MethodPut, path, s.AliceToken, resttest.Fields{"wait_timer": 43_200}), http.StatusOK)
}

func TestOnlyAdminsChangeEnvironmentsAndReadersSeeThem(t *testing.T) {
	s := resttest.New(t)
	mona := s.User("mona")
	token := s.Token(mona, "repo")
	path := s.Path("environments/staging")
	s.Want(s.Do(http.MethodPut, path, s.AliceToken, nil), http.StatusOK)
	for _, p := range []string{path, s.Path("environments")} {
		s.Want(s.Do(http.MethodGet, p, token, nil), http.StatusNotFound)
		s.Want(s.Do(http.MethodGet, p, "", nil), http.StatusNotFound)
	}
	s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, mona.ID, actions.Write))
	s.Want(s.Do(http.MethodGet, path, token, nil), http.StatusOK)
	s.Want(s.Do(http.MethodPut, path, token, nil), http.StatusForbidden)
	s.Want(s.Do(http.MethodDelete, path, token, nil), http.StatusForbidden)
	job := s.JobToken(s.Repo, map[string]string{"actions": "read"})
	s.Want(s.Do(http.MethodGet, path, job, nil), http.StatusOK)
	s.Want(s.Do(http.MethodPut, path, job, nil), http.StatusForbidden)
	s.Repository(s.Alice, "other", true)
	s.Want(s.Get("/repos/alice/other/environments/staging"), http.StatusNotFound)
}
