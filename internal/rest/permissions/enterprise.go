package permissions

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// enterpriseRoutes are the operations on what the enterprise allows its organizations.
func (p *page) enterpriseRoutes() []rest.Route {
	const (
		at   = "/enterprises/{enterprise}/actions/permissions"
		docs = "enterprise-cloud@latest/rest/actions/permissions#"
	)
	need := auth.Need{On: auth.Enterprise, Role: actions.Admin, Scopes: []string{"admin:enterprise"}}
	return []rest.Route{
		{Pattern: "GET " + at, Handle: p.getEnterprise, Docs: docs + "get-github-actions-permissions-for-an-enterprise", Need: need},
		{Pattern: "PUT " + at, Handle: p.setEnterprise, Docs: docs + "set-github-actions-permissions-for-an-enterprise", Need: need},
		{Pattern: "GET " + at + "/organizations", Handle: p.organizations, Docs: docs + "list-selected-organizations-enabled-for-github-actions-in-an-enterprise", Need: need},
		{Pattern: "PUT " + at + "/organizations", Handle: p.setOrganizations, Docs: docs + "set-selected-organizations-enabled-for-github-actions-in-an-enterprise", Need: need},
		{Pattern: "PUT " + at + "/organizations/{org_id}", Handle: p.addOrganization, Docs: docs + "enable-a-selected-organization-for-github-actions-in-an-enterprise", Need: need},
		{Pattern: "DELETE " + at + "/organizations/{org_id}", Handle: p.removeOrganization, Docs: docs + "disable-a-selected-organization-for-github-actions-in-an-enterprise", Need: need},
		{Pattern: "GET " + at + "/selected-actions", Handle: p.getSelected, Docs: docs + "get-allowed-actions-and-reusable-workflows-for-an-enterprise", Need: need},
		{Pattern: "PUT " + at + "/selected-actions", Handle: p.setSelected, Docs: docs + "set-allowed-actions-and-reusable-workflows-for-an-enterprise", Need: need},
		{Pattern: "GET " + at + "/self-hosted-runners", Handle: p.getRunnersDisabled, Docs: docs + "get-self-hosted-runners-permissions-for-an-enterprise", Need: need},
		{Pattern: "PUT " + at + "/self-hosted-runners", Handle: p.setRunnersDisabled, Docs: docs + "set-self-hosted-runners-permissions-for-an-enterprise", Need: need},
		{Pattern: "GET " + at + "/workflow", Handle: p.getWorkflow, Docs: docs + "get-default-workflow-permissions-for-an-enterprise", Need: need},
		{Pattern: "PUT " + at + "/workflow", Handle: p.setWorkflow, Docs: docs + "set-default-workflow-permissions-for-an-enterprise", Need: need},
		{Pattern: "GET " + at + "/artifact-and-log-retention", Handle: p.getRetention, Docs: docs + "get-artifact-and-log-retention-settings-for-an-enterprise", Need: need},
		{Pattern: "PUT " + at + "/artifact-and-log-retention", Handle: p.setRetention, Docs: docs + "set-artifact-and-log-retention-settings-for-an-enterprise", Need: need},
		{Pattern: "GET " + at + "/fork-pr-contributor-approval", Handle: p.getForkApproval, Docs: docs + "get-fork-pr-contributor-approval-permissions-for-an-enterprise", Need: need},
		{Pattern: "PUT " + at + "/fork-pr-contributor-approval", Handle: p.setForkApproval, Docs: docs + "set-fork-pr-contributor-approval-permissions-for-an-enterprise", Need: need},
		{Pattern: "GET " + at + "/fork-pr-workflows-private-repos", Handle: p.getForkRuns, Docs: docs + "get-private-repo-fork-pr-workflow-settings-for-an-enterprise", Need: need},
		{Pattern: "PUT " + at + "/fork-pr-workflows-private-repos", Handle: p.setForkRuns, Docs: docs + "set-private-repo-fork-pr-workflow-settings-for-an-enterprise", Need: need},
	}
}

func enterpriseURL(c *rest.Call) string { return c.Base.API + "/enterprises/" + actions.Enterprise }

// getEnterprise serves GET /enterprises/{enterprise}/actions/permissions.
func (p *page) getEnterprise(w http.ResponseWriter, r *http.Request) error {
	in, err := p.policy.OfEnterprise(r.Context())
	if err != nil {
		return err
	}
	url := enterpriseURL(rest.CallOf(r))
	answer := struct {
		Enabled          actions.Repositories `json:"enabled_organizations"`
		OrganizationsURL string               `json:"selected_organizations_url,omitempty"`
		usage
	}{Enabled: in.Repositories, usage: newUsage(in, url)}
	if in.Repositories == actions.SelectedRepositories {
		answer.OrganizationsURL = url + "/actions/permissions/organizations"
	}
	return httpjson.Write(w, http.StatusOK, answer)
}

// setEnterprise serves PUT /enterprises/{enterprise}/actions/permissions.
func (p *page) setEnterprise(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Enabled *actions.Repositories `json:"enabled_organizations"`
		change
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Enabled == nil {
		return notSupplied("enabled_organizations")
	}
	to := body.asked()
	to.Organizations = body.Enabled
	if err := p.policy.SetEnterprise(r.Context(), to); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// organizations serves GET /enterprises/{enterprise}/actions/permissions/organizations.
func (p *page) organizations(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingOf(r)
	list, total, err := p.policy.Organizations(r.Context(), l.Page)
	if err != nil {
		return err
	}
	items := make([]*shape.OrganizationSimple, 0, len(list))
	for _, org := range list {
		items = append(items, shape.NewOrganizationSimple(rest.CallOf(r).Base, org))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, struct {
		Total         int                         `json:"total_count"`
		Organizations []*shape.OrganizationSimple `json:"organizations"`
	}{total, items})
}

// setOrganizations serves PUT /enterprises/{enterprise}/actions/permissions/organizations.
func (p *page) setOrganizations(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		IDs []int64 `json:"selected_organization_ids"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.IDs == nil {
		return actions.Missing("Enterprise", "selected_organization_ids")
	}
	if err := p.policy.SelectOrganizations(r.Context(), actions.SelectionChange{Set: body.IDs}); err != nil {
		return actions.InField("Enterprise", "selected_organization_ids", err)
	}
	return rest.NoContent(w)
}

// addOrganization serves PUT …/organizations/{org_id}.
func (p *page) addOrganization(w http.ResponseWriter, r *http.Request) error {
	return p.oneOrganization(w, r, func(id int64) actions.SelectionChange { return actions.SelectionChange{Add: id} })
}

// removeOrganization serves DELETE …/organizations/{org_id}.
func (p *page) removeOrganization(w http.ResponseWriter, r *http.Request) error {
	return p.oneOrganization(w, r, func(id int64) actions.SelectionChange { return actions.SelectionChange{Remove: id} })
}

func (p *page) oneOrganization(w http.ResponseWriter, r *http.Request, change func(id int64) actions.SelectionChange) error {
	id, err := httpjson.PathID(r, "org_id")
	if err != nil {
		return err
	}
	if err := p.policy.SelectOrganizations(r.Context(), change(id)); err != nil {
		return err
	}
	return rest.NoContent(w)
}

type runnersDisabledJSON struct {
	Disabled *bool `json:"disable_self_hosted_runners_for_all_orgs"`
}

// getRunnersDisabled serves GET /enterprises/{enterprise}/actions/permissions/self-hosted-runners.
func (p *page) getRunnersDisabled(w http.ResponseWriter, r *http.Request) error {
	disabled, err := p.policy.OwnRunnersDisabled(r.Context())
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, runnersDisabledJSON{&disabled})
}

// setRunnersDisabled serves PUT /enterprises/{enterprise}/actions/permissions/self-hosted-runners.
func (p *page) setRunnersDisabled(w http.ResponseWriter, r *http.Request) error {
	var body runnersDisabledJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Disabled == nil {
		return actions.Missing("Enterprise", "disable_self_hosted_runners_for_all_orgs")
	}
	if err := p.policy.DisableOwnRunners(r.Context(), *body.Disabled); err != nil {
		return err
	}
	return rest.NoContent(w)
}
