package runnergroups_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestEachScopeHasTheDefaultGroup(t *testing.T) {
	s := resttest.New(t)
	s.Organization("guild", s.Alice)
	for _, scope := range []string{s.Path(), "/orgs/guild", "/enterprises/understudy"} {
		got := s.Want(s.Do(http.MethodGet, scope+"/actions/runner-groups", s.AdminToken, nil), http.StatusOK).JSON(t)
		groups, _ := got["runner_groups"].([]any)
		if got["total_count"] != 1.0 || len(groups) != 1 {
			t.Fatalf("%s: %v", scope, got)
		}
		group, _ := groups[0].(map[string]any)
		if group["name"] != "Default" || group["default"] != true || group["runners_url"] != s.URL+"/api/v3"+scope+"/actions/runner-groups/1/runners" {
			t.Errorf("%s: %v", scope, group)
		}
	}
	behind := s.Want(s.Do(http.MethodGet, "/orgs/guild/actions/runner-groups?page=2", s.AdminToken, nil), http.StatusOK).JSON(t)
	if groups, _ := behind["runner_groups"].([]any); behind["total_count"] != 1.0 || len(groups) != 0 {
		t.Errorf("behind the end: %v", behind)
	}
}
