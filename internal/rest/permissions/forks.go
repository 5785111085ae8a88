package permissions

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/settings"
)

type forkApproval struct {
	Policy settings.ForkApproval `json:"approval_policy"`
}

// getForkApproval serves GET …/actions/permissions/fork-pr-contributor-approval.
func (p *page) getForkApproval(w http.ResponseWriter, r *http.Request) error {
	v, err := settings.Get(r.Context(), p.settings, scope(r), settings.ForkApprovals)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, forkApproval{v})
}

// setForkApproval serves PUT …/actions/permissions/fork-pr-contributor-approval.
func (p *page) setForkApproval(w http.ResponseWriter, r *http.Request) error {
	var body forkApproval
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if err := p.settings.Update(r.Context(), scope(r), settings.Set(settings.ForkApprovals, body.Policy)); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// getForkRuns serves GET …/actions/permissions/fork-pr-workflows-private-repos.
func (p *page) getForkRuns(w http.ResponseWriter, r *http.Request) error {
	v, err := settings.Get(r.Context(), p.settings, scope(r), settings.PrivateForkRuns)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, v)
}

// setForkRuns serves PUT …/actions/permissions/fork-pr-workflows-private-repos. What the
// body does not have stays as it is.
func (p *page) setForkRuns(w http.ResponseWriter, r *http.Request) error {
	v, err := settings.Get(r.Context(), p.settings, scope(r), settings.PrivateForkRuns)
	if err != nil {
		return err
	}
	body := struct {
		Run *bool `json:"run_workflows_from_fork_pull_requests"`
		*settings.ForkRuns
	}{ForkRuns: &v}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Run == nil {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"run_workflows_from_fork_pull_requests\" wasn't supplied.")
	}
	v.Run = *body.Run
	if err := p.settings.Update(r.Context(), scope(r), settings.Set(settings.PrivateForkRuns, v)); err != nil {
		return err
	}
	return rest.NoContent(w)
}
