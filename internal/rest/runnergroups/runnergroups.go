// Package runnergroups is the page "Self-hosted runner groups" of the reference.
// There is one group in each scope, and every runner is in it.
package runnergroups

import (
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
)

// Routes are the operations of the page. GitHub has no groups in a repository, and
// runners that are being configured ask for them there all the same.
func Routes() []rest.Route {
	var all []rest.Route
	for _, of := range rest.RunnerScopes() {
		rt := rest.Route{Pattern: "GET " + of.Path + "/actions/runner-groups", Handle: list, Need: of.Read}
		rt.Need.Registration = auth.Register
		if of.Read.On != auth.Repo {
			rt.Docs = of.Docs + "rest/actions/self-hosted-runner-groups#list-self-hosted-runner-groups-for-" + of.Name
		}
		all = append(all, rt)
	}
	return all
}

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

// list serves GET …/actions/runner-groups.
func list(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingOf(r)
	answer := struct {
		Total  int         `json:"total_count"`
		Groups []groupJSON `json:"runner_groups"`
	}{1, []groupJSON{}}
	if l.Page.Number == 1 {
		var inherited *bool
		if rest.CallOf(r).Org != nil {
			inherited = new(bool)
		}
		answer.Groups = append(answer.Groups, groupJSON{
			ID: actions.DefaultGroupID, Name: actions.DefaultGroup, Visibility: "all", Default: true,
			RunnersURL: rest.CallOf(r).Base.API + r.URL.EscapedPath() + "/" + strconv.Itoa(actions.DefaultGroupID) + "/runners",
			Inherited:  inherited, AllowsPublicRepositories: true, SelectedWorkflows: []string{},
		})
	}
	l.Link(w, r, answer.Total)
	return httpjson.Write(w, http.StatusOK, answer)
}
