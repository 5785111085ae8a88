// Package runnergroups is the page "Self-hosted runner groups" of the reference: the
// groups of an organization, and those of the enterprise, which is the site.
package runnergroups

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/group"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/runners"
)

// Routes are the operations of the page. GitHub has no groups in a repository, and
// runners that are being configured ask for them there all the same.
func Routes(groups *group.Groups, rs *runners.Runners, au *auth.Auth, now func() time.Time) []rest.Route {
	p := &page{groups, rs, au, now}
	var all []rest.Route
	for _, of := range rest.RunnerScopes() {
		path := of.Path + "/actions/runner-groups"
		rt := rest.Route{Pattern: "GET " + path, Handle: p.list, Need: of.Read}
		rt.Need.Registration = auth.Register
		if of.Read.On == auth.Repo {
			rt.Handle = p.listOfRepository
			all = append(all, rt)
			continue
		}
		one, docs := path+"/{runner_group_id}", of.Docs+"rest/actions/self-hosted-runner-groups#"
		rt.Docs = docs + "list-self-hosted-runner-groups-for-" + of.Name
		all = append(all, rt,
			rest.Route{Pattern: "POST " + path, Handle: p.create, Docs: docs + "create-a-self-hosted-runner-group-for-" + of.Name, Need: of.Write},
			rest.Route{Pattern: "GET " + one, Handle: p.get, Docs: docs + "get-a-self-hosted-runner-group-for-" + of.Name, Need: of.Read},
			rest.Route{Pattern: "PATCH " + one, Handle: p.update, Docs: docs + "update-a-self-hosted-runner-group-for-" + of.Name, Need: of.Write},
			rest.Route{Pattern: "DELETE " + one, Handle: p.remove, Docs: docs + "delete-a-self-hosted-runner-group-from-" + of.Name, Need: of.Write},
			rest.Route{Pattern: "GET " + one + "/runners", Handle: p.listRunners, Docs: docs + "list-self-hosted-runners-in-a-group-for-" + of.Name, Need: of.Read},
			rest.Route{Pattern: "PUT " + one + "/runners", Handle: p.setRunners, Docs: docs + "set-self-hosted-runners-in-a-group-for-" + of.Name, Need: of.Write},
			rest.Route{Pattern: "PUT " + one + "/runners/{runner_id}", Handle: p.addRunner, Docs: docs + "add-a-self-hosted-runner-to-a-group-for-" + of.Name, Need: of.Write},
			rest.Route{Pattern: "DELETE " + one + "/runners/{runner_id}", Handle: p.removeRunner, Docs: docs + "remove-a-self-hosted-runner-from-a-group-for-" + of.Name, Need: of.Write},
		)
		all = append(all, p.access(of, one, docs)...)
	}
	return all
}

type page struct {
	groups  *group.Groups
	runners *runners.Runners
	auth    *auth.Auth
	now     func() time.Time
}

type groupJSON struct {
	ID                       int64                   `json:"id"`
	Name                     string                  `json:"name"`
	Visibility               actions.GroupVisibility `json:"visibility"`
	Default                  bool                    `json:"default"`
	SelectedRepositoriesURL  string                  `json:"selected_repositories_url,omitempty"`
	SelectedOrganizationsURL string                  `json:"selected_organizations_url,omitempty"`
	RunnersURL               string                  `json:"runners_url"`
	Inherited                *bool                   `json:"inherited,omitempty"` // from the enterprise; only organizations have it
	InheritedPublic          *bool                   `json:"inherited_allows_public_repositories,omitempty"`
	AllowsPublicRepositories bool                    `json:"allows_public_repositories"`
	RestrictedToWorkflows    bool                    `json:"restricted_to_workflows"`
	SelectedWorkflows        []string                `json:"selected_workflows"`
	RestrictionsReadOnly     bool                    `json:"workflow_restrictions_read_only"`
}

// show is a group as the scope of the request sees it.
func show(r *http.Request, g *actions.RunnerGroup) *groupJSON {
	c := rest.CallOf(r)
	path, _, _ := strings.Cut(r.URL.EscapedPath(), "/runner-groups")
	url := c.Base.API + path + "/runner-groups/" + strconv.FormatInt(g.ID, 10)
	v := &groupJSON{
		ID: g.ID, Name: g.Name, Visibility: g.Visibility, Default: g.Default(), RunnersURL: url + "/runners",
		AllowsPublicRepositories: g.AllowsPublic, RestrictedToWorkflows: g.Restricted, SelectedWorkflows: append([]string{}, g.Workflows...),
	}
	selected := g.Visibility == actions.GroupForSelected
	switch {
	case c.Repo != nil:
		v.RunnersURL = c.Base.API + path + "/runners" // it has one group
	case c.Org != nil:
		inherited := g.Scope != c.Scope()
		v.Inherited, v.RestrictionsReadOnly = &inherited, inherited
		if inherited {
			v.Visibility, v.InheritedPublic = actions.GroupForAll, &v.AllowsPublicRepositories
		} else if selected {
			v.SelectedRepositoriesURL = url + "/repositories"
		}
	case selected:
		v.SelectedOrganizationsURL = url + "/organizations"
	}
	return v
}

// list serves GET …/actions/runner-groups, of an organization or the enterprise. A
// repository or an organization that is not there can use no group.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	ctx, c, query := r.Context(), rest.CallOf(r), rest.ListingOf(r).Query
	var (
		groups []*actions.RunnerGroup
		repo   *actions.Repository
		org    *actions.Account
		err    error
	)
	name, login := query.Get("visible_to_repository"), query.Get("visible_to_organization")
	switch {
	case c.Org != nil && name != "":
		if repo, err = p.auth.Repository(ctx, c.Org.Login, name); err == nil {
			groups, err = p.groups.OfOrganization(ctx, c.Org.ID, repo)
		}
	case c.Org != nil:
		groups, err = p.groups.OfOrganization(ctx, c.Org.ID, nil)
	case login != "":
		if org, err = p.groups.Organization(ctx, login); err == nil {
			groups, err = p.groups.OfEnterprise(ctx, org)
		}
	default:
		groups, err = p.groups.OfEnterprise(ctx, nil)
	}
	if err != nil && actions.KindOf(err) != actions.NotFound {
		return err
	}
	return write(w, r, groups)
}

// listOfRepository serves GET /repos/{owner}/{repo}/actions/runner-groups.
func (p *page) listOfRepository(w http.ResponseWriter, r *http.Request) error {
	return write(w, r, []*actions.RunnerGroup{{
		ID: actions.DefaultGroupID, Scope: rest.CallOf(r).Scope(), Name: actions.DefaultGroup, Visibility: actions.GroupForAll, AllowsPublic: true,
	}})
}

func write(w http.ResponseWriter, r *http.Request, groups []*actions.RunnerGroup) error {
	l := rest.ListingOf(r)
	answer := struct {
		Total  int          `json:"total_count"`
		Groups []*groupJSON `json:"runner_groups"`
	}{len(groups), []*groupJSON{}}
	for _, g := range actions.Slice(l.Page, groups) {
		answer.Groups = append(answer.Groups, show(r, g))
	}
	l.Link(w, r, answer.Total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// group finds the group of the path: of the scope, or one of the enterprise that the
// organization sees.
func (p *page) group(r *http.Request) (*actions.RunnerGroup, error) {
	id, err := httpjson.PathID(r, "runner_group_id")
	if err != nil {
		return nil, err
	}
	sc := rest.CallOf(r).Scope()
	g, err := p.groups.Group(r.Context(), sc, id)
	if actions.KindOf(err) != actions.NotFound || sc.OwnerID == 0 {
		return g, err
	}
	return p.groups.Shared(r.Context(), sc.OwnerID, id)
}

// own finds the group of the path to change it. One of the enterprise is not the
// organization's to change.
func (p *page) own(r *http.Request) (*actions.RunnerGroup, error) {
	g, err := p.group(r)
	if err == nil && g.Scope != rest.CallOf(r).Scope() {
		return nil, actions.Errorf(actions.Forbidden, "The runner group is inherited from the enterprise")
	}
	return g, err
}

// get serves GET …/actions/runner-groups/{runner_group_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	g, err := p.group(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, show(r, g))
}

// A body is that of create and update. What is left out of an update stays as it is.
type body struct {
	Name          *string                  `json:"name"`
	Visibility    *actions.GroupVisibility `json:"visibility"`
	Public        *bool                    `json:"allows_public_repositories"`
	Restricted    *bool                    `json:"restricted_to_workflows"`
	Workflows     *[]string                `json:"selected_workflows"`
	Network       *string                  `json:"network_configuration_id"`
	Repositories  rest.RepositoryIDs       `json:"selected_repository_ids"`
	Organizations []int64                  `json:"selected_organization_ids"`
	Runners       []int64                  `json:"runners"`
}

func read(r *http.Request, needsName bool) (*body, error) {
	b := new(body)
	if err := httpjson.Decode(r, b, httpjson.DefaultLimit); err != nil {
		return nil, err
	}
	switch {
	case needsName && b.Name == nil:
		return nil, actions.Errorf(actions.Invalid, "Invalid request.\n\n\"name\" wasn't supplied.")
	case b.Network != nil:
		return nil, actions.Errorf(actions.Invalid, "network_configuration_id of a runner group can only be null here")
	}
	return b, nil
}

// change sets what the body has.
func (b *body) change(g *actions.RunnerGroup) {
	if b.Name != nil {
		g.Name = *b.Name
	}
	if b.Visibility != nil {
		g.Visibility = *b.Visibility
	}
	if b.Public != nil {
		g.AllowsPublic = *b.Public
	}
	if b.Restricted != nil {
		g.Restricted = *b.Restricted
	}
	if b.Workflows != nil {
		g.Workflows = *b.Workflows
	}
}

// create serves POST …/actions/runner-groups.
func (p *page) create(w http.ResponseWriter, r *http.Request) error {
	b, err := read(r, true)
	if err != nil {
		return err
	}
	g := &actions.RunnerGroup{Scope: rest.CallOf(r).Scope(), Visibility: actions.GroupForAll}
	b.change(g)
	if err := p.groups.Create(r.Context(), g, group.Start{Repositories: b.Repositories, Organizations: b.Organizations, Runners: b.Runners}); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, show(r, g))
}

// update serves PATCH …/actions/runner-groups/{runner_group_id}.
func (p *page) update(w http.ResponseWriter, r *http.Request) error {
	g, err := p.own(r)
	if err != nil {
		return err
	}
	b, err := read(r, rest.CallOf(r).Org != nil)
	if err != nil {
		return err
	}
	if err := p.groups.Update(r.Context(), g.Scope, g.ID, b.change); err != nil {
		return err
	}
	return p.get(w, r)
}

// remove serves DELETE …/actions/runner-groups/{runner_group_id}.
func (p *page) remove(w http.ResponseWriter, r *http.Request) error {
	g, err := p.own(r)
	if err != nil {
		return err
	}
	if err := p.groups.Delete(r.Context(), g.Scope, g.ID); err != nil {
		return err
	}
	return rest.NoContent(w)
}
