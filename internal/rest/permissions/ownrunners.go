package permissions

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
)

type ownRunnersJSON struct {
	Enabled actions.Repositories `json:"enabled_repositories"`
	URL     string               `json:"selected_repositories_url,omitempty"`
}

// getOwnRunners serves GET /orgs/{org}/actions/permissions/self-hosted-runners.
func (p *page) getOwnRunners(w http.ResponseWriter, r *http.Request) error {
	c := rest.CallOf(r)
	those, err := p.policy.OwnRunners().Is(r.Context(), c.Org)
	if err != nil {
		return err
	}
	answer := ownRunnersJSON{Enabled: those}
	if those == actions.SelectedRepositories {
		answer.URL = organizationURL(c) + "/actions/permissions/self-hosted-runners/repositories"
	}
	return httpjson.Write(w, http.StatusOK, answer)
}

// setOwnRunners serves PUT /orgs/{org}/actions/permissions/self-hosted-runners.
func (p *page) setOwnRunners(w http.ResponseWriter, r *http.Request) error {
	var body ownRunnersJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Enabled == "" {
		return actions.Missing("Organization", "enabled_repositories")
	}
	err := p.policy.OwnRunners().Set(r.Context(), rest.CallOf(r).Org, body.Enabled)
	if err != nil {
		return actions.InField("Organization", "enabled_repositories", err)
	}
	return rest.NoContent(w)
}
