package permissions

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/rest"
)

// of returns the permissions of what a request is about.
func (p *page) of(r *http.Request) (*policy.Permissions, error) {
	c := rest.CallOf(r)
	switch {
	case c.Org != nil:
		return p.policy.OfOrganization(r.Context(), c.Org)
	case c.Repo == nil:
		return p.policy.OfEnterprise(r.Context())
	}
	return p.policy.OfRepository(r.Context(), c.Repo)
}

// getSelected serves GET …/actions/permissions/selected-actions.
func (p *page) getSelected(w http.ResponseWriter, r *http.Request) error {
	in, err := p.of(r)
	if err != nil {
		return err
	}
	sel, err := p.policy.Selected(r.Context(), in)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		GitHub   bool     `json:"github_owned_allowed"`
		Verified bool     `json:"verified_allowed"`
		Patterns []string `json:"patterns_allowed"`
	}{sel.GitHub, sel.Verified, append([]string{}, sel.Patterns...)})
}

// setSelected serves PUT …/actions/permissions/selected-actions. What the body does not
// have stays as it is.
func (p *page) setSelected(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		GitHub   *bool    `json:"github_owned_allowed"`
		Verified *bool    `json:"verified_allowed"`
		Patterns []string `json:"patterns_allowed"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	in, err := p.of(r)
	if err != nil {
		return err
	}
	err = p.policy.Select(r.Context(), in, func(to *actions.SelectedActions) {
		if body.GitHub != nil {
			to.GitHub = *body.GitHub
		}
		if body.Verified != nil {
			to.Verified = *body.Verified
		}
		if body.Patterns != nil {
			to.Patterns = body.Patterns
		}
	})
	if err != nil {
		return err
	}
	return rest.NoContent(w)
}
