package permissions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

// versions are the headers that ask for each version of the API.
var versions = []string{"X-GitHub-Api-Version: 2022-11-28", "X-GitHub-Api-Version: 2026-03-10"}

// A desk is a site with an organization of Alice's that has two repositories.
type desk struct {
	*resttest.Site
	org        *actions.Account
	tool, site *actions.Repository
	owner      string // a token of Alice's with admin:org
}

func newDesk(s *resttest.Site) *desk {
	s.Helper()
	org := s.Organization("acme", s.Alice)
	return &desk{s, org, s.Repository(org, "tool", true), s.Repository(org, "site", false), s.Token(s.Alice, "repo", "admin:org")}
}

// put sets what is at a path and wants a status.
func (d *desk) put(path string, body any, status int) *servertest.Reply {
	d.Helper()
	return d.Want(d.Do(http.MethodPut, path, d.owner, body), status)
}

// is compares what is at a path, in both versions of the API.
func (d *desk) is(path string, want resttest.Fields) {
	d.Helper()
	for _, version := range versions {
		got := d.Want(d.Do(http.MethodGet, path, d.owner, nil, version), http.StatusOK).JSON(d)
		if diff := cmp.Diff(map[string]any(want), got); diff != "" {
			d.Errorf("%s: %s", path, diff)
		}
	}
}

func (d *desk) url(path string, args ...any) string {
	return d.URL + servertest.API + fmt.Sprintf(path, args...)
}

const (
	ofOrg  = "/orgs/acme/actions/permissions"
	ofTool = "/repos/acme/tool/actions/permissions"
)

func TestPermissionsOfARepositoryAreKept(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		d.is(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "all", "sha_pinning_required": false})
		d.put(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "selected", "sha_pinning_required": true}, http.StatusNoContent)
		d.is(ofTool, resttest.Fields{
			"enabled": true, "allowed_actions": "selected", "sha_pinning_required": true,
			"selected_actions_url": d.url("/repositories/%d/actions/permissions/selected-actions", d.tool.ID),
		})
		d.put(ofTool, resttest.Fields{"enabled": false}, http.StatusNoContent)
		d.is(ofTool, resttest.Fields{"enabled": false})
		d.put(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "local_only"}, http.StatusNoContent)
		d.is(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "local_only", "sha_pinning_required": true})

		for _, c := range []struct {
			body any
			want string
		}{
			{resttest.Fields{}, "Invalid request.\n\n\"enabled\" wasn't supplied."},
			{resttest.Fields{"enabled": nil}, "Invalid request.\n\n\"enabled\" wasn't supplied."},
			{resttest.Fields{"enabled": true, "allowed_actions": "some"}, "Invalid request.\n\nsome is not a member of [\"all\", \"local_only\", \"selected\"]."},
			{resttest.Fields{"enabled": true, "allowed_actions": ""}, "Invalid request.\n\n is not a member of [\"all\", \"local_only\", \"selected\"]."},
			{resttest.Fields{"enabled": "yes"}, "Invalid request.\n\nFor 'enabled', a string is not possible."},
		} {
			d.Refused(d.Do(http.MethodPut, ofTool, d.owner, c.body), http.StatusUnprocessableEntity, c.want)
		}
		d.put(ofTool, `{"enabled": `, http.StatusBadRequest)
		d.put(ofTool, `{"enabled": true, "x": `+strings.Repeat("[", 10_000), http.StatusBadRequest)
		d.is(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "local_only", "sha_pinning_required": true})

		// Another client, and a user's repository.
		gh := d.GoGitHub(d.AliceToken)
		_, _, err := gh.Repositories.UpdateActionsPermissions(d.Context(), "alice", "hello", github.ActionsPermissionsRepository{Enabled: new(true), AllowedActions: new("local_only")})
		d.Must(err)
		got, _, err := gh.Repositories.GetActionsPermissions(d.Context(), "alice", "hello")
		if d.Must(err); !got.GetEnabled() || got.GetAllowedActions() != "local_only" {
			d.Errorf("go-github reads %+v", got)
		}
	})
}

func TestAnOrganizationRestrictsItsRepositories(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		d.is(ofOrg, resttest.Fields{"enabled_repositories": "all", "allowed_actions": "all", "sha_pinning_required": false})
		d.put(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "all"}, http.StatusNoContent)
		d.put(ofOrg, resttest.Fields{"enabled_repositories": "all", "allowed_actions": "selected", "sha_pinning_required": true}, http.StatusNoContent)
		d.is(ofOrg, resttest.Fields{
			"enabled_repositories": "all", "allowed_actions": "selected", "sha_pinning_required": true,
			"selected_actions_url": d.url("/organizations/%d/actions/permissions/selected-actions", d.org.ID),
		})
		d.is(ofTool, resttest.Fields{
			"enabled": true, "allowed_actions": "selected", "sha_pinning_required": true,
			"selected_actions_url": d.url("/repositories/%d/actions/permissions/selected-actions", d.tool.ID),
		})
		for _, body := range []resttest.Fields{
			{"enabled": true, "allowed_actions": "all"}, {"enabled": true, "allowed_actions": "local_only"}, {"enabled": true, "sha_pinning_required": false},
		} {
			d.put(ofTool, body, http.StatusConflict)
		}
		d.put(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "selected", "sha_pinning_required": true}, http.StatusNoContent)

		d.put(ofOrg, resttest.Fields{"enabled_repositories": "none"}, http.StatusNoContent)
		d.is(ofOrg, resttest.Fields{"enabled_repositories": "none"})
		d.is(ofTool, resttest.Fields{"enabled": false})
		d.put(ofTool, resttest.Fields{"enabled": true}, http.StatusConflict)
		d.put(ofTool, resttest.Fields{"enabled": false}, http.StatusNoContent)
		d.put(ofOrg, resttest.Fields{"enabled_repositories": "all", "allowed_actions": "all", "sha_pinning_required": false}, http.StatusNoContent)
		d.is(ofTool, resttest.Fields{"enabled": false})
		d.put(ofTool, resttest.Fields{"enabled": true}, http.StatusNoContent)

		for _, body := range []any{resttest.Fields{}, resttest.Fields{"enabled_repositories": "some"}, resttest.Fields{"enabled_repositories": ""}, resttest.Fields{"enabled_repositories": "all", "allowed_actions": "none"}, resttest.Fields{"enabled_repositories": []string{"all"}}} {
			d.put(ofOrg, body, http.StatusUnprocessableEntity)
		}
	})
}

func TestAnOrganizationSelectsWhichRepositoriesHaveActions(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		const selected = ofOrg + "/repositories"
		one := fmt.Sprintf("%s/%d", selected, d.tool.ID)
		for _, a := range []*servertest.Reply{
			d.Do(http.MethodGet, selected, d.owner, nil), d.Do(http.MethodPut, selected, d.owner, resttest.Fields{"selected_repository_ids": []int64{d.tool.ID}}),
			d.Do(http.MethodPut, one, d.owner, nil), d.Do(http.MethodDelete, one, d.owner, nil),
		} {
			d.Want(a, http.StatusConflict)
		}
		d.put(ofOrg, resttest.Fields{"enabled_repositories": "selected"}, http.StatusNoContent)
		d.is(ofOrg, resttest.Fields{
			"enabled_repositories": "selected", "allowed_actions": "all", "sha_pinning_required": false,
			"selected_repositories_url": d.url("/organizations/%d/actions/permissions/repositories", d.org.ID),
		})
		d.is(ofTool, resttest.Fields{"enabled": false})
		has := func(want ...string) {
			d.Helper()
			for _, version := range versions {
				var got struct {
					Total        int `json:"total_count"`
					Repositories []struct {
						Name string `json:"name"`
					} `json:"repositories"`
				}
				d.Want(d.Do(http.MethodGet, selected, d.owner, nil, version), http.StatusOK).Into(d, &got)
				var names []string
				for _, r := range got.Repositories {
					names = append(names, r.Name)
				}
				if diff := cmp.Diff(want, names); diff != "" || got.Total != len(want) {
					d.Errorf("%d selected: %s", got.Total, diff)
				}
			}
		}
		has()
		d.put(selected, resttest.Fields{"selected_repository_ids": []int64{d.tool.ID, d.site.ID}}, http.StatusNoContent)
		has("tool", "site")
		d.Want(d.Do(http.MethodDelete, one, d.owner, nil), http.StatusNoContent)
		has("site")
		d.is(ofTool, resttest.Fields{"enabled": false})
		d.Want(d.Do(http.MethodPut, one, d.owner, nil), http.StatusNoContent)
		d.is(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "all", "sha_pinning_required": false})
		d.put(selected, resttest.Fields{"selected_repository_ids": []int64{d.Repo.ID}}, http.StatusUnprocessableEntity)
		d.Want(d.Do(http.MethodPut, fmt.Sprintf("%s/%d", selected, d.Repo.ID), d.owner, nil), http.StatusNotFound)
		d.put(selected, resttest.Fields{}, http.StatusUnprocessableEntity)
		has("tool", "site")
	})
}

func TestWhoEnablesActionsOfAnOrganizationIsOneOfItsOwners(t *testing.T) {
	d := newDesk(resttest.New(t))
	bob := d.User("bob")
	for _, token := range []string{d.Token(bob, "repo", "admin:org"), d.AliceToken} { // no owner, and no scope
		d.Want(d.Do(http.MethodPut, ofOrg, token, resttest.Fields{"enabled_repositories": "none"}), http.StatusForbidden)
	}
	d.is(ofOrg, resttest.Fields{"enabled_repositories": "all", "allowed_actions": "all", "sha_pinning_required": false})
}
