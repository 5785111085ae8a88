// Package runnergroups is the page "Self-hosted runner groups" of the reference.
// There is one group in each scope, and every runner is in it.
package runnergroups

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/group"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
)

// Routes are the operations of the page. GitHub has no groups in a repository, and
// runners that are being configured ask for them there all the same.
func Routes(groups *group.Groups) []rest.Route {
	p := &page{groups}
	var all []rest.Route
	for _, of := range rest.RunnerScopes() {
		path := of.Path + "/actions/runner-groups"
		rt := rest.Route{Pattern: "GET " + path, Handle: p.list, Need: of.Read}
		rt.Need.Registration = auth.Register
		if of.Read.On == auth.Repo {
			all = append(all, rt)
			continue
		}
		docs := of.Docs + "rest/actions/self-hosted-runner-groups#"
		rt.Docs = docs + "list-self-hosted-runner-groups-for-" + of.Name
		all = append(all, rt,
			rest.Route{Pattern: "GET " + path + "/{runner_group_id}", Handle: p.get, Docs: docs + "get-a-self-hosted-runner-group-for-" + of.Name, Need: of.Read},
			rest.Route{Pattern: "PATCH " + path + "/{runner_group_id}", Handle: p.update, Docs: docs + "update-a-self-hosted-runner-group-for-" + of.Name, Need: of.Write},
		)
	}
	return all
}

type page struct{ groups *group.Groups }

type groupJSON struct {
	ID                       int64    `json:"id"`
	Name                     string   `json:"name"`
	Visibility               string   `json:"visibility"`
	Default                  bool     `json:"default"`
	RunnersURL               string   `json:"runners_url"`
	Inherited                *bool    `json:"inherited,omitempty"` // from the enterprise; only organizations have it
	AllowsPublicRepositories bool     `json:"allows_public_repositories"`
	RestrictedToWorkflows    bool     `json:"restricted_to_workflows"`
	SelectedWorkflows        []string `json:"selected_workflows"`
	RestrictionsReadOnly     bool     `json:"workflow_restrictions_read_only"`
}

// defaultGroup is the group of the scope that a request is about.
func (p *page) defaultGroup(r *http.Request) (*groupJSON, error) {
	c := rest.CallOf(r)
	public, err := p.groups.AllowsPublic(r.Context(), c.Scope())
	if err != nil {
		return nil, err
	}
	var inherited *bool
	if c.Org != nil {
		inherited = new(bool)
	}
	path, _, _ := strings.Cut(r.URL.EscapedPath(), "/runner-groups")
	return &groupJSON{
		ID: actions.DefaultGroupID, Name: actions.DefaultGroup, Visibility: "all", Default: true,
		RunnersURL: c.Base.API + path + "/runner-groups/" + strconv.Itoa(actions.DefaultGroupID) + "/runners",
		Inherited:  inherited, AllowsPublicRepositories: public, SelectedWorkflows: []string{},
	}, nil
}

// list serves GET …/actions/runner-groups.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingOf(r)
	answer := struct {
		Total  int          `json:"total_count"`
		Groups []*groupJSON `json:"runner_groups"`
	}{1, []*groupJSON{}}
	if l.Page.Number == 1 {
		g, err := p.defaultGroup(r)
		if err != nil {
			return err
		}
		answer.Groups = append(answer.Groups, g)
	}
	l.Link(w, r, answer.Total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// get serves GET …/actions/runner-groups/{runner_group_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	if err := checkPath(r); err != nil {
		return err
	}
	g, err := p.defaultGroup(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, g)
}

func checkPath(r *http.Request) error {
	id, err := httpjson.PathID(r, "runner_group_id")
	if err != nil {
		return err
	}
	return actions.CheckGroup(id)
}

// A change is the body of update. What cannot be changed may be there as it is.
type change struct {
	Name       *string   `json:"name"`
	Visibility *string   `json:"visibility"`
	Public     *bool     `json:"allows_public_repositories"`
	Restricted *bool     `json:"restricted_to_workflows"`
	Selected   *[]string `json:"selected_workflows"`
	Network    *string   `json:"network_configuration_id"`
}

// check refuses what the default group cannot be, and what is not built.
func (c *change) check(org bool) error {
	refuse := func(field, value string) error {
		return actions.Errorf(actions.Invalid, "%s of the runner group %s can only be %s here", field, actions.DefaultGroup, value)
	}
	switch {
	case org && c.Name == nil:
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"name\" wasn't supplied.")
	case c.Name != nil && *c.Name != actions.DefaultGroup:
		return refuse("name", actions.DefaultGroup)
	case c.Visibility != nil && *c.Visibility != "all":
		return refuse("visibility", "all")
	case c.Restricted != nil && *c.Restricted:
		return refuse("restricted_to_workflows", "false")
	case c.Selected != nil && len(*c.Selected) > 0:
		return refuse("selected_workflows", "empty")
	case c.Network != nil:
		return refuse("network_configuration_id", "null")
	}
	return nil
}

// update serves PATCH …/actions/runner-groups/{runner_group_id}.
func (p *page) update(w http.ResponseWriter, r *http.Request) error {
	if err := checkPath(r); err != nil {
		return err
	}
	var body change
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	c := rest.CallOf(r)
	if err := body.check(c.Org != nil); err != nil {
		return err
	}
	if body.Public != nil {
		if err := p.groups.SetPublic(r.Context(), c.Scope(), *body.Public); err != nil {
			return err
		}
	}
	return p.get(w, r)
}
