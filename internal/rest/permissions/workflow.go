package permissions

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/settings"
)

// scope is whose settings a request is about.
func scope(r *http.Request) settings.Scope {
	c := rest.CallOf(r)
	switch {
	case c.Org != nil:
		return settings.Org(c.Org)
	case c.Repo == nil:
		return settings.Enterprise()
	}
	return settings.Repo(c.Repo)
}

// getWorkflow serves GET …/actions/permissions/workflow.
func (p *page) getWorkflow(w http.ResponseWriter, r *http.Request) error {
	access, err := settings.Get(r.Context(), p.settings, scope(r), settings.WorkflowPermissions)
	if err != nil {
		return err
	}
	approve, err := settings.Get(r.Context(), p.settings, scope(r), settings.ApproveReviews)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Access  settings.Access `json:"default_workflow_permissions"`
		Approve bool            `json:"can_approve_pull_request_reviews"`
	}{access, approve})
}

// setWorkflow serves PUT …/actions/permissions/workflow. What the body does not have stays
// as it is.
func (p *page) setWorkflow(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Access  *settings.Access `json:"default_workflow_permissions"`
		Approve *bool            `json:"can_approve_pull_request_reviews"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	var to []settings.Change
	if body.Access != nil {
		to = append(to, settings.Set(settings.WorkflowPermissions, *body.Access))
	}
	if body.Approve != nil {
		to = append(to, settings.Set(settings.ApproveReviews, *body.Approve))
	}
	if err := p.settings.Update(r.Context(), scope(r), to...); err != nil {
		return err
	}
	return rest.NoContent(w)
}
