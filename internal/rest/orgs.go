package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

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

// organization finds the organization of the path.
func (a *API) organization(r *http.Request) (*actions.Account, error) {
	org, err := a.Store.AccountByLogin(r.Context(), r.PathValue("org"))
	if err != nil {
		return nil, err
	}
	if org.Type != actions.Organization {
		return nil, errNotFound
	}
	return org, nil
}

// getOrganization serves GET /orgs/{org}.
func (a *API) getOrganization(w http.ResponseWriter, r *http.Request) error {
	org, err := a.organization(r)
	if err != nil {
		return err
	}
	public, _, err := a.Store.CountRepositories(r.Context(), org.ID)
	if err != nil {
		return err
	}
	b := callOf(r).base
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
