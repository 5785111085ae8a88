package permissions_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

const ofEnterprise = "/enterprises/understudy/actions/permissions"

// What the enterprise restricts, nobody below undoes.
func TestTheEnterpriseRestrictsItsOrganizations(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		other := s.Organization("other", s.Alice)
		admin := s.Token(s.Admin, "admin:enterprise")
		set := func(path string, body resttest.Fields, status int) {
			s.Helper()
			s.Want(s.Do(http.MethodPut, ofEnterprise+path, admin, body), status)
		}
		is := func(path string, want resttest.Fields) {
			s.Helper()
			for _, version := range versions {
				got := s.Want(s.Do(http.MethodGet, ofEnterprise+path, admin, nil, version), http.StatusOK).JSON(s)
				if diff := cmp.Diff(map[string]any(want), got); diff != "" {
					s.Errorf("%s: %s", path, diff)
				}
			}
		}
		is("", resttest.Fields{"enabled_organizations": "all", "allowed_actions": "all", "sha_pinning_required": false})
		s.Want(s.Do(http.MethodGet, ofEnterprise+"/organizations", admin, nil), http.StatusConflict)
		s.Want(s.Do(http.MethodGet, ofEnterprise+"/selected-actions", admin, nil), http.StatusConflict)
		set("/organizations", resttest.Fields{"selected_organization_ids": []int64{d.org.ID}}, http.StatusConflict)
		set("", resttest.Fields{}, http.StatusUnprocessableEntity)
		set("", resttest.Fields{"enabled_organizations": "some"}, http.StatusUnprocessableEntity)

		set("", resttest.Fields{"enabled_organizations": "selected", "allowed_actions": "selected", "sha_pinning_required": true}, http.StatusNoContent)
		set("/organizations", resttest.Fields{"selected_organization_ids": []int64{other.ID}}, http.StatusNoContent)
		set("/organizations", resttest.Fields{"selected_organization_ids": []int64{s.Alice.ID}}, http.StatusUnprocessableEntity)
		set("/organizations", resttest.Fields{}, http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodPut, ofEnterprise+"/organizations/99999", admin, nil), http.StatusNotFound)
		set("/selected-actions", resttest.Fields{"github_owned_allowed": true, "patterns_allowed": []string{"octo/*"}}, http.StatusNoContent)
		is("", resttest.Fields{
			"enabled_organizations": "selected", "selected_organizations_url": d.url(ofEnterprise + "/organizations"),
			"allowed_actions": "selected", "selected_actions_url": d.url(ofEnterprise + "/selected-actions"), "sha_pinning_required": true,
		})
		is("/selected-actions", resttest.Fields{"github_owned_allowed": true, "verified_allowed": false, "patterns_allowed": []any{"octo/*"}})

		d.is(ofOrg, resttest.Fields{"enabled_repositories": "none"})
		d.is(ofTool, resttest.Fields{"enabled": false})
		d.put(ofOrg, resttest.Fields{"enabled_repositories": "all"}, http.StatusConflict)
		d.put(ofTool, resttest.Fields{"enabled": true}, http.StatusConflict)
		d.is("/orgs/other/actions/permissions", resttest.Fields{
			"enabled_repositories": "all", "allowed_actions": "selected", "sha_pinning_required": true,
			"selected_actions_url": d.url("/organizations/%d/actions/permissions/selected-actions", other.ID),
		})
		for _, body := range []resttest.Fields{{"allowed_actions": "all"}, {"sha_pinning_required": false}} {
			body["enabled_repositories"] = "all"
			d.put("/orgs/other/actions/permissions", body, http.StatusConflict)
		}
		d.put("/orgs/other/actions/permissions/selected-actions", resttest.Fields{"patterns_allowed": []string{"*"}}, http.StatusConflict)

		s.Want(s.Do(http.MethodPut, ofEnterprise+"/organizations/"+strconv.FormatInt(d.org.ID, 10), admin, nil), http.StatusNoContent)
		s.Want(s.Do(http.MethodDelete, ofEnterprise+"/organizations/"+strconv.FormatInt(other.ID, 10), admin, nil), http.StatusNoContent)
		list := s.Want(s.Do(http.MethodGet, ofEnterprise+"/organizations", admin, nil), http.StatusOK).JSON(s)
		if orgs := list["organizations"].([]any); list["total_count"] != 1.0 || len(orgs) != 1 || orgs[0].(map[string]any)["login"] != "acme" {
			s.Errorf("organizations %v", list)
		}
		d.put(ofOrg, resttest.Fields{"enabled_repositories": "all"}, http.StatusNoContent)
		d.put(ofTool, resttest.Fields{"enabled": true}, http.StatusNoContent)
	})
}

func TestSettingsOfTheEnterpriseAreTheMostThatOrganizationsHave(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		admin := s.Token(s.Admin, "admin:enterprise")
		set := func(path string, body resttest.Fields, status int) {
			s.Helper()
			s.Want(s.Do(http.MethodPut, ofEnterprise+path, admin, body), status)
		}
		set("/self-hosted-runners", resttest.Fields{"disable_self_hosted_runners_for_all_orgs": true}, http.StatusNoContent)
		set("/self-hosted-runners", resttest.Fields{}, http.StatusUnprocessableEntity)
		d.is(ofOrg+"/self-hosted-runners", resttest.Fields{"enabled_repositories": "none"})
		d.put(ofOrg+"/self-hosted-runners", resttest.Fields{"enabled_repositories": "all"}, http.StatusConflict)
		set("/self-hosted-runners", resttest.Fields{"disable_self_hosted_runners_for_all_orgs": false}, http.StatusNoContent)
		d.put(ofOrg+"/self-hosted-runners", resttest.Fields{"enabled_repositories": "all"}, http.StatusNoContent)

		set("/workflow", resttest.Fields{"default_workflow_permissions": "read", "can_approve_pull_request_reviews": false}, http.StatusNoContent)
		d.put(ofOrg+"/workflow", resttest.Fields{"default_workflow_permissions": "write"}, http.StatusConflict)
		set("/artifact-and-log-retention", resttest.Fields{"days": 30}, http.StatusNoContent)
		set("/artifact-and-log-retention", resttest.Fields{"days": 0}, http.StatusUnprocessableEntity)
		d.put(ofOrg+"/artifact-and-log-retention", resttest.Fields{"days": 31}, http.StatusConflict)
		d.is(ofOrg+"/artifact-and-log-retention", resttest.Fields{"days": 30.0, "maximum_allowed_days": 30.0})
		set("/fork-pr-contributor-approval", resttest.Fields{"approval_policy": "all_external_contributors"}, http.StatusNoContent)
		set("/fork-pr-contributor-approval", resttest.Fields{"approval_policy": "nobody"}, http.StatusUnprocessableEntity)
		d.is(ofOrg+"/fork-pr-contributor-approval", resttest.Fields{"approval_policy": "all_external_contributors"}) // of whoever says nothing
		set("/fork-pr-workflows-private-repos", resttest.Fields{"run_workflows_from_fork_pull_requests": false}, http.StatusNoContent)
		d.put(ofOrg+"/fork-pr-workflows-private-repos", resttest.Fields{"run_workflows_from_fork_pull_requests": true}, http.StatusUnprocessableEntity)
		set("/fork-pr-workflows-private-repos", resttest.Fields{"run_workflows_from_fork_pull_requests": true}, http.StatusNoContent)
		d.put(ofOrg+"/fork-pr-workflows-private-repos", resttest.Fields{"run_workflows_from_fork_pull_requests": true}, http.StatusNoContent)
		for _, path := range []string{"", "/organizations", "/selected-actions", "/self-hosted-runners", "/workflow", "/artifact-and-log-retention", "/fork-pr-contributor-approval", "/fork-pr-workflows-private-repos"} {
			if a := s.Do(http.MethodPut, ofEnterprise+path, d.owner, resttest.Fields{}); a.StatusCode != http.StatusNotFound {
				s.Errorf("an owner of an organization, %s: %d", path, a.StatusCode)
			}
		}
	})
}
