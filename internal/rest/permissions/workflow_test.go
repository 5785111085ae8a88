package permissions_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/settings"
)

// set sets something for a scope that has no operation.
func (d *desk) set(sc settings.Scope, changes ...settings.Change) {
	d.Helper()
	d.Must(settings.New(d.Store).Update(d.Context(), sc, changes...))
}

func TestDefaultWorkflowPermissionsAreSet(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		const org, tool = ofOrg + "/workflow", ofTool + "/workflow"
		fields := func(access string, approve bool) resttest.Fields {
			return resttest.Fields{"default_workflow_permissions": access, "can_approve_pull_request_reviews": approve}
		}
		for _, path := range []string{tool, org} { // what the organization sets counts for the repository
			d.is(path, fields("read", false))
			d.put(path, fields("write", true), http.StatusNoContent)
			d.is(path, fields("write", true))
			d.put(path, resttest.Fields{"can_approve_pull_request_reviews": false}, http.StatusNoContent)
			d.is(path, fields("write", false))
			d.put(path, resttest.Fields{"can_approve_pull_request_reviews": true}, http.StatusNoContent)
			d.put(path, resttest.Fields{}, http.StatusNoContent)
			d.is(path, fields("write", true))
			d.put(path, resttest.Fields{"default_workflow_permissions": "admin"}, http.StatusUnprocessableEntity)
			d.put(path, resttest.Fields{"default_workflow_permissions": "write", "can_approve_pull_request_reviews": "yes"}, http.StatusUnprocessableEntity)
			d.is(path, fields("write", true))
		}
		d.put(org, fields("read", false), http.StatusNoContent)
		d.is(tool, fields("read", false))
		d.put(tool, resttest.Fields{"default_workflow_permissions": "write"}, http.StatusConflict)
		d.put(tool, resttest.Fields{"can_approve_pull_request_reviews": true}, http.StatusConflict)
		d.put(tool, fields("read", false), http.StatusNoContent)
		d.set(settings.Enterprise(), settings.Set(settings.WorkflowPermissions, settings.ReadAccess))
		d.put(org, fields("write", false), http.StatusConflict)
		d.is(org, fields("read", false))
	})
}

func TestRetentionIsASettingOfTheOrganizationToo(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		const org, tool = ofOrg + "/artifact-and-log-retention", ofTool + "/artifact-and-log-retention"
		d.is(org, resttest.Fields{"days": 90.0, "maximum_allowed_days": 400.0})
		d.put(org, resttest.Fields{"days": 30}, http.StatusNoContent)
		d.is(org, resttest.Fields{"days": 30.0, "maximum_allowed_days": 400.0})
		d.is(tool, resttest.Fields{"days": 30.0, "maximum_allowed_days": 30.0})
		d.put(tool, resttest.Fields{"days": 31}, http.StatusUnprocessableEntity)
		d.put(tool, resttest.Fields{"days": 5}, http.StatusNoContent)
		d.is(tool, resttest.Fields{"days": 5.0, "maximum_allowed_days": 30.0})
		for _, body := range []any{resttest.Fields{}, resttest.Fields{"days": 0}, resttest.Fields{"days": 401}, resttest.Fields{"days": "7"}} {
			d.put(org, body, http.StatusUnprocessableEntity)
		}
		d.set(settings.Enterprise(), settings.Set(settings.RetentionDays, 20))
		d.put(org, resttest.Fields{"days": 21}, http.StatusConflict)
		d.is(org, resttest.Fields{"days": 20.0, "maximum_allowed_days": 20.0})
	})
}

// Two set one setting at the same time: one of them is last, and neither fails.
func TestTwoWhoSetOneSettingBothSucceed(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		for range 5 {
			var both sync.WaitGroup
			for _, access := range []string{"read", "write"} {
				both.Go(func() {
					d.put(ofTool+"/workflow", resttest.Fields{"default_workflow_permissions": access, "can_approve_pull_request_reviews": access == "write"}, http.StatusNoContent)
				})
			}
			both.Wait()
			got := d.Want(d.Do(http.MethodGet, ofTool+"/workflow", d.owner, nil), http.StatusOK).JSON(d)
			if (got["default_workflow_permissions"] == "write") != got["can_approve_pull_request_reviews"] {
				d.Errorf("half of each: %v", got)
			}
		}
	})
}

func TestAnOrganizationSaysWhichRepositoriesHaveRunnersOfTheirOwn(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		const path = ofOrg + "/self-hosted-runners"
		const selected = path + "/repositories"
		one := fmt.Sprintf("%s/%d", selected, d.tool.ID)
		d.is(path, resttest.Fields{"enabled_repositories": "all"})
		for _, a := range []*servertest.Reply{
			d.Do(http.MethodGet, selected, d.owner, nil), d.Do(http.MethodPut, selected, d.owner, resttest.Fields{"selected_repository_ids": []int64{d.tool.ID}}),
			d.Do(http.MethodPut, one, d.owner, nil), d.Do(http.MethodDelete, one, d.owner, nil),
		} {
			d.Want(a, http.StatusConflict)
		}
		register := func(status int) {
			d.Helper()
			d.Want(d.Do(http.MethodPost, "/repos/acme/tool/actions/runners/registration-token", d.owner, nil), status)
		}
		register(http.StatusCreated)
		d.Push(d.tool, "main", map[string]string{".github/workflows/hello.yml": resttest.HelloWorkflow})
		own := &actions.Runner{
			Scope: actions.Scope{RepoID: d.tool.ID}, Name: "own", ClientID: "own", PublicKey: []byte{1}, CreatedAt: d.Now(),
			Labels: []actions.Label{{Name: "ubuntu-latest"}},
		}
		d.Must(d.Store.CreateRunner(d.Context(), own))
		offered := d.offered(own)
		if offered == nil {
			d.Fatal("a runner of its own is offered nothing")
		}

		d.put(path, resttest.Fields{"enabled_repositories": "selected"}, http.StatusNoContent)
		d.is(path, resttest.Fields{
			"enabled_repositories": "selected", "selected_repositories_url": d.url("/organizations/%d/actions/permissions/self-hosted-runners/repositories", d.org.ID),
		})
		register(http.StatusForbidden)
		if err := d.acquire(own, offered); actions.KindOf(err) != actions.Invalid {
			d.Errorf("acquired: %v, want a refusal", err)
		}
		if w := d.offered(own); w != nil {
			d.Errorf("offered job %d", w.ID)
		}
		const why = "Waiting for a runner of the organization: it does not allow runners of this repository itself"
		job := d.Want(d.Do(http.MethodGet, fmt.Sprintf("/repos/acme/tool/actions/jobs/%d", offered.ID), d.owner, nil), http.StatusOK)
		if got := job.Header.Get(rest.NoticeHeader); got != why {
			d.Errorf("the job says %q", got)
		}
		shared := d.runner()
		if w := d.offered(shared); w == nil {
			d.Error("a runner of the site is offered nothing")
		} else {
			d.Must(d.acquire(shared, w))
		}

		d.Want(d.Do(http.MethodPut, one, d.owner, nil), http.StatusNoContent)
		register(http.StatusCreated)
		if w := d.offered(own); w == nil {
			d.Error("offered nothing when its repository is selected")
		}
		d.put(selected, resttest.Fields{"selected_repository_ids": []int64{d.site.ID}}, http.StatusNoContent)
		register(http.StatusForbidden)
		d.put(selected, resttest.Fields{"selected_repository_ids": []int64{d.Repo.ID}}, http.StatusUnprocessableEntity)
		d.put(path, resttest.Fields{"enabled_repositories": "none"}, http.StatusNoContent)
		d.is(path, resttest.Fields{"enabled_repositories": "none"})
		d.put(path, resttest.Fields{"enabled_repositories": "all"}, http.StatusNoContent)
		register(http.StatusCreated)
		for _, body := range []any{resttest.Fields{}, resttest.Fields{"enabled_repositories": "some"}, resttest.Fields{"enabled_repositories": 1}} {
			d.put(path, body, http.StatusUnprocessableEntity)
		}
	})
}
