// Package orgs is the page "Organizations" of the reference.
package orgs

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the page.
func Routes(st *store.Store) []rest.Route {
	p := &page{st}
	return []rest.Route{
		{Pattern: "GET /orgs/{org}", Handle: p.get, Docs: "rest/orgs/orgs#get-an-organization", Need: auth.Need{On: auth.Org, Public: true}},
	}
}

type page struct{ store *store.Store }

type organizationJSON struct {
	*shape.OrganizationSimple
	Name                    *string `json:"name,omitempty"`
	HasOrganizationProjects bool    `json:"has_organization_projects"`
	HasRepositoryProjects   bool    `json:"has_repository_projects"`
	PublicRepos             int     `json:"public_repos"`
	PublicGists             int     `json:"public_gists"`
	Followers               int     `json:"followers"`
	Following               int     `json:"following"`
	HTMLURL                 string  `json:"html_url"`
	Type                    string  `json:"type"`
	CreatedAt               string  `json:"created_at"`
	UpdatedAt               string  `json:"updated_at"`
	ArchivedAt              *string `json:"archived_at"`
}

// get serves GET /orgs/{org}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	b, org := rest.CallOf(r).Base, rest.CallOf(r).Org
	public, _, err := p.store.CountRepositories(r.Context(), org.ID)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, organizationJSON{
		OrganizationSimple: shape.NewOrganizationSimple(b, org),
		Name:               shape.Null(org.Name),
		PublicRepos:        public,
		HTMLURL:            b.HTML + "/" + org.Login,
		Type:               string(org.Type),
		CreatedAt:          shape.Time(org.CreatedAt),
		UpdatedAt:          shape.Time(org.UpdatedAt),
	})
}
