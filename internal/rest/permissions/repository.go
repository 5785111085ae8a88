package permissions

import (
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/rest"
)

// A usage is what is said of actions that workflows may use; nothing where Actions is
// disabled.
type usage struct {
	Allowed     actions.AllowedActions `json:"allowed_actions,omitempty"`
	SelectedURL string                 `json:"selected_actions_url,omitempty"`
	Pinned      *bool                  `json:"sha_pinning_required,omitempty"`
}

// newUsage is the usage of what is at the URL.
func newUsage(in *policy.Permissions, url string) usage {
	if !in.Enabled {
		return usage{}
	}
	u := usage{Allowed: in.Allowed, Pinned: &in.Pinned}
	if in.Allowed == actions.SomeActions {
		u.SelectedURL = url + "/actions/permissions/selected-actions"
	}
	return u
}

// A change is what the bodies of both scopes have in common.
type change struct {
	Allowed *actions.AllowedActions `json:"allowed_actions"`
	Pinned  *bool                   `json:"sha_pinning_required"`
}

func (c change) asked() policy.Change { return policy.Change{Allowed: c.Allowed, Pinned: c.Pinned} }

// getRepository serves GET /repos/{owner}/{repo}/actions/permissions.
func (p *page) getRepository(w http.ResponseWriter, r *http.Request) error {
	c := rest.CallOf(r)
	in, err := p.policy.OfRepository(r.Context(), c.Repo)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Enabled bool `json:"enabled"`
		usage
	}{in.Enabled, newUsage(in, c.Base.API+"/repositories/"+strconv.FormatInt(c.Repo.ID, 10))})
}

// setRepository serves PUT /repos/{owner}/{repo}/actions/permissions.
func (p *page) setRepository(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Enabled *bool `json:"enabled"`
		change
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Enabled == nil {
		return notSupplied("enabled")
	}
	to := body.asked()
	to.Enabled = body.Enabled
	if err := p.policy.SetRepository(r.Context(), rest.CallOf(r).Repo, to); err != nil {
		return err
	}
	return rest.NoContent(w)
}

func notSupplied(field string) error {
	return actions.Errorf(actions.Invalid, "Invalid request.\n\n%q wasn't supplied.", field)
}
