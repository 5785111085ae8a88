// Package variables is the page "Variables" of the reference: values that jobs get,
// and that everybody may see who sees the job.
package variables

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/vault"
)

const docs = "rest/actions/variables#"

// Routes are the operations of the page.
func Routes(st *store.Store, v *vault.Vault) []rest.Route {
	p := &page{st, v}
	var all []rest.Route
	for _, h := range rest.Holders("organization_actions_variables", "actions_variables") {
		of := h.Article + "-" + h.Name
		all = append(all,
			rest.Route{Pattern: "GET " + h.Path + "/variables", Handle: p.list, Docs: docs + "list-" + h.Name + "-variables", Need: h.Read},
			rest.Route{Pattern: "POST " + h.Path + "/variables", Handle: p.create, Docs: docs + "create-" + of + "-variable", Need: h.Write},
			rest.Route{Pattern: "GET " + h.Path + "/variables/{name}", Handle: p.get, Docs: docs + "get-" + of + "-variable", Need: h.Read},
			rest.Route{Pattern: "PATCH " + h.Path + "/variables/{name}", Handle: p.update, Docs: docs + "update-" + of + "-variable", Need: h.Write},
			rest.Route{Pattern: "DELETE " + h.Path + "/variables/{name}", Handle: p.delete, Docs: docs + "delete-" + of + "-variable", Need: h.Write},
		)
		switch h.Name {
		case "organization":
			all = append(all, p.selection(h)...)
		case "repository":
			all = append(all, rest.Route{Pattern: "GET " + h.Path + "/organization-variables", Handle: p.listShared, Docs: docs + "list-repository-organization-variables", Need: h.Read})
		}
	}
	return all
}

type page struct {
	store *store.Store
	vault *vault.Vault
}

// selection are the operations on the repositories of an organization's variable.
func (p *page) selection(h rest.Holder) []rest.Route {
	path, of := h.Path+"/variables/{name}/repositories", "-an-organization-variable"
	s := rest.SelectedRepositories{Of: p.selected, List: p.vault.SelectedForVariable, Change: p.vault.SelectForVariable}
	return []rest.Route{
		{Pattern: "GET " + path, Handle: s.Get, Docs: docs + "list-selected-repositories-for" + of, Need: h.Read},
		{Pattern: "PUT " + path, Handle: s.Set, Docs: docs + "set-selected-repositories-for" + of, Need: h.Write},
		{Pattern: "PUT " + path + "/{repository_id}", Handle: s.Add, Docs: docs + "add-selected-repository-to" + of, Need: h.Write},
		{Pattern: "DELETE " + path + "/{repository_id}", Handle: s.Remove, Docs: docs + "remove-selected-repository-from" + of, Need: h.Write},
	}
}

// selected is the selection of the variable that a request names.
func (p *page) selected(r *http.Request) (actions.Selection, error) {
	v, err := p.variable(r)
	if err != nil {
		return actions.Selection{}, err
	}
	return actions.Selection{For: actions.SelectedForVariable, OrgID: v.Holder.OrgID, Name: v.Name}, nil
}

// variable is the one that a request names.
func (p *page) variable(r *http.Request) (*actions.Variable, error) {
	h, name, err := p.named(r)
	if err != nil {
		return nil, err
	}
	return p.store.Variable(r.Context(), h, name)
}

// named is the holder and the name of a variable that must be there.
func (p *page) named(r *http.Request) (actions.Holder, string, error) {
	h, err := rest.HolderOf(r, p.store)
	if err != nil {
		return h, "", err
	}
	name, err := actions.VariableName(r.PathValue("name"))
	if err != nil {
		return h, "", rest.ErrNotFound
	}
	return h, name, nil
}

type variableJSON struct {
	Name       string             `json:"name"`
	Value      string             `json:"value"`
	CreatedAt  string             `json:"created_at"`
	UpdatedAt  string             `json:"updated_at"`
	Visibility actions.Visibility `json:"visibility,omitempty"`                // of an organization's, for the organization
	Selected   string             `json:"selected_repositories_url,omitempty"` // likewise, where some are selected
}

// variableOf is what the holder of a variable is told of it.
func variableOf(c *rest.Call, v *actions.Variable) variableJSON {
	out := shared(c, v)
	if c.Org != nil {
		out.Visibility = v.Visibility
		if v.Visibility == actions.VisibleToSelected {
			out.Selected = c.Base.API + "/orgs/" + c.Org.Login + "/actions/variables/" + v.Name + "/repositories"
		}
	}
	return out
}

// shared is what a repository is told of a variable.
func shared(_ *rest.Call, v *actions.Variable) variableJSON {
	return variableJSON{Name: v.Name, Value: v.Value, CreatedAt: shape.Time(v.CreatedAt), UpdatedAt: shape.Time(v.UpdatedAt)}
}

// How long a page of variables is: they may be large.
const (
	pageSize    = 10
	maxPageSize = 30
)

// answer writes a page of a list.
func answer(w http.ResponseWriter, r *http.Request, l rest.Listing, list []*actions.Variable, total int, as func(*rest.Call, *actions.Variable) variableJSON) error {
	out := struct {
		Total     int            `json:"total_count"`
		Variables []variableJSON `json:"variables"`
	}{total, make([]variableJSON, 0, len(list))}
	for _, v := range list {
		out.Variables = append(out.Variables, as(rest.CallOf(r), v))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, out)
}

// list serves GET …/variables.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	h, err := rest.HolderOf(r, p.store)
	if err != nil {
		return err
	}
	l := rest.ListingUpTo(r, pageSize, maxPageSize)
	list, total, err := p.store.Variables(r.Context(), h, l.Page)
	if err != nil {
		return err
	}
	return answer(w, r, l, list, total, variableOf)
}

// listShared serves GET /repos/{owner}/{repo}/actions/organization-variables.
func (p *page) listShared(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingUpTo(r, pageSize, maxPageSize)
	list, total, err := p.store.SharedVariables(r.Context(), rest.CallOf(r).Repo, l.Page)
	if err != nil {
		return err
	}
	return answer(w, r, l, list, total, shared)
}

// get serves GET …/variables/{name}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	v, err := p.variable(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, variableOf(rest.CallOf(r), v))
}

// changeOf reads the body of a request.
func changeOf(r *http.Request) (vault.VariableChange, error) {
	var body struct {
		Name       *string             `json:"name"`
		Value      *string             `json:"value"`
		Visibility *actions.Visibility `json:"visibility"`
		Selected   rest.RepositoryIDs  `json:"selected_repository_ids"`
	}
	err := httpjson.Decode(r, &body, httpjson.DefaultLimit)
	return vault.VariableChange{Name: body.Name, Value: body.Value, Visibility: body.Visibility, Selected: body.Selected}, err
}

// create serves POST …/variables.
func (p *page) create(w http.ResponseWriter, r *http.Request) error {
	h, err := rest.HolderOf(r, p.store)
	if err != nil {
		return err
	}
	c, err := changeOf(r)
	if err != nil {
		return err
	}
	if err := p.vault.CreateVariable(r.Context(), h, c); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, struct{}{})
}

// update serves PATCH …/variables/{name}.
func (p *page) update(w http.ResponseWriter, r *http.Request) error {
	h, name, err := p.named(r)
	if err != nil {
		return err
	}
	c, err := changeOf(r)
	if err != nil {
		return err
	}
	if err := p.vault.UpdateVariable(r.Context(), h, name, c); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// delete serves DELETE …/variables/{name}.
func (p *page) delete(w http.ResponseWriter, r *http.Request) error {
	h, name, err := p.named(r)
	if err != nil {
		return err
	}
	if err := p.vault.DeleteVariable(r.Context(), h, name); err != nil {
		return err
	}
	return rest.NoContent(w)
}
