package runnergroups

import (
	"context"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// access are the operations that say for which repositories of its organization a group
// is, or for which organizations of the enterprise.
func (p *page) access(of rest.RunnerScope, one, docs string) []rest.Route {
	if of.Read.On == auth.Enterprise {
		list := one + "/organizations"
		return []rest.Route{
			{Pattern: "GET " + list, Handle: p.listOrganizations, Docs: docs + "list-organization-access-to-a-self-hosted-runner-group-in-an-enterprise", Need: of.Read},
			{Pattern: "PUT " + list, Handle: p.setOrganizations, Docs: docs + "set-organization-access-for-a-self-hosted-runner-group-in-an-enterprise", Need: of.Write},
			{Pattern: "PUT " + list + "/{org_id}", Handle: p.addOrganization, Docs: docs + "add-organization-access-to-a-self-hosted-runner-group-in-an-enterprise", Need: of.Write},
			{Pattern: "DELETE " + list + "/{org_id}", Handle: p.removeOrganization, Docs: docs + "remove-organization-access-to-a-self-hosted-runner-group-in-an-enterprise", Need: of.Write},
		}
	}
	list, selected := one+"/repositories", p.repositories()
	return []rest.Route{
		{Pattern: "GET " + list, Handle: selected.Get, Docs: docs + "list-repository-access-to-a-self-hosted-runner-group-in-an-organization", Need: of.Read},
		{Pattern: "PUT " + list, Handle: selected.Set, Docs: docs + "set-repository-access-for-a-self-hosted-runner-group-in-an-organization", Need: of.Write},
		{Pattern: "PUT " + list + "/{repository_id}", Handle: selected.Add, Docs: docs + "add-repository-access-to-a-self-hosted-runner-group-in-an-organization", Need: of.Write},
		{Pattern: "DELETE " + list + "/{repository_id}", Handle: selected.Remove, Docs: docs + "remove-repository-access-to-a-self-hosted-runner-group-in-an-organization", Need: of.Write},
	}
}

// repositories are the operations on the repositories of a group.
func (p *page) repositories() rest.SelectedRepositories {
	group := func(sel actions.Selection) (sc actions.Scope, id int64) {
		return actions.Scope{OwnerID: sel.OrgID}, store.SelectedGroup(sel)
	}
	return rest.SelectedRepositories{
		Of: func(r *http.Request) (actions.Selection, error) {
			g, err := p.own(r)
			if err != nil {
				return actions.Selection{}, err
			}
			return store.GroupSelection(g), nil
		},
		List: func(ctx context.Context, sel actions.Selection, page actions.Page) ([]*actions.Repository, int, error) {
			sc, id := group(sel)
			return p.groups.Repositories(ctx, sc, id, page)
		},
		Change: func(ctx context.Context, sel actions.Selection, c actions.SelectionChange) error {
			sc, id := group(sel)
			return p.groups.ChangeRepositories(ctx, sc, id, c)
		},
	}
}

// listOrganizations serves GET /enterprises/{enterprise}/actions/runner-groups/{runner_group_id}/organizations.
func (p *page) listOrganizations(w http.ResponseWriter, r *http.Request) error {
	g, err := p.own(r)
	if err != nil {
		return err
	}
	l, c := rest.ListingOf(r), rest.CallOf(r)
	orgs, total, err := p.groups.Organizations(r.Context(), g.ID, l.Page)
	if err != nil {
		return err
	}
	answer := struct {
		Total         int                         `json:"total_count"`
		Organizations []*shape.OrganizationSimple `json:"organizations"`
	}{total, []*shape.OrganizationSimple{}}
	for _, o := range orgs {
		answer.Organizations = append(answer.Organizations, shape.NewOrganizationSimple(c.Base, o))
	}
	l.Link(w, r, answer.Total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// setOrganizations serves PUT /enterprises/{enterprise}/actions/runner-groups/{runner_group_id}/organizations.
func (p *page) setOrganizations(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		IDs *[]int64 `json:"selected_organization_ids"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.IDs == nil {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"selected_organization_ids\" wasn't supplied.")
	}
	return p.changeOrganizations(w, r, actions.SelectionChange{Set: append([]int64{}, *body.IDs...)})
}

// addOrganization serves PUT /enterprises/{enterprise}/actions/runner-groups/{runner_group_id}/organizations/{org_id}.
func (p *page) addOrganization(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "org_id")
	if err != nil {
		return err
	}
	return p.changeOrganizations(w, r, actions.SelectionChange{Add: id})
}

// removeOrganization serves DELETE /enterprises/{enterprise}/actions/runner-groups/{runner_group_id}/organizations/{org_id}.
func (p *page) removeOrganization(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "org_id")
	if err != nil {
		return err
	}
	return p.changeOrganizations(w, r, actions.SelectionChange{Remove: id})
}

func (p *page) changeOrganizations(w http.ResponseWriter, r *http.Request, c actions.SelectionChange) error {
	g, err := p.own(r)
	if err != nil {
		return err
	}
	if err := p.groups.ChangeOrganizations(r.Context(), g.ID, c); err != nil {
		return err
	}
	return rest.NoContent(w)
}
