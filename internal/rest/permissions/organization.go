package permissions

import (
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/rest"
)

// getOrganization serves GET /orgs/{org}/actions/permissions.
func (p *page) getOrganization(w http.ResponseWriter, r *http.Request) error {
	c := rest.CallOf(r)
	in, err := p.policy.OfOrganization(r.Context(), c.Org)
	if err != nil {
		return err
	}
	url := organizationURL(c)
	answer := struct {
		Enabled         actions.Repositories `json:"enabled_repositories"`
		RepositoriesURL string               `json:"selected_repositories_url,omitempty"`
		usage
	}{Enabled: in.Repositories, usage: newUsage(in, url)}
	if in.Repositories == actions.SelectedRepositories {
		answer.RepositoriesURL = url + "/actions/permissions/repositories"
	}
	return httpjson.Write(w, http.StatusOK, answer)
}

func organizationURL(c *rest.Call) string {
	return c.Base.API + "/organizations/" + strconv.FormatInt(c.Org.ID, 10)
}

// setOrganization serves PUT /orgs/{org}/actions/permissions.
func (p *page) setOrganization(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Enabled *actions.Repositories `json:"enabled_repositories"`
		change
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Enabled == nil {
		return notSupplied("enabled_repositories")
	}
	to := body.asked()
	to.Repositories = body.Enabled
	if err := p.policy.SetOrganization(r.Context(), rest.CallOf(r).Org, to); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// selected serves the operations on the repositories that an organization selects for
// something that the policy knows.
func (p *page) selected(of policy.Choice) rest.SelectedRepositories {
	return rest.SelectedRepositories{
		Of: func(r *http.Request) (actions.Selection, error) {
			return actions.Selection{For: of.For, OrgID: rest.CallOf(r).Org.ID}, nil
		},
		List: of.List, Change: of.Change, Whole: true,
	}
}
