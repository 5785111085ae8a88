package permissions

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/settings"
)

// getRetention serves GET /repos/{owner}/{repo}/actions/permissions/artifact-and-log-retention.
func (p *page) getRetention(w http.ResponseWriter, r *http.Request) error {
	scope := settings.Repo(rest.CallOf(r).Repo)
	days, err := settings.Get(r.Context(), p.settings, scope, settings.RetentionDays)
	if err != nil {
		return err
	}
	most, err := settings.Most(r.Context(), p.settings, scope, settings.RetentionDays)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Days    int `json:"days"`
		MaxDays int `json:"maximum_allowed_days"`
	}{days, most})
}

// setRetention serves PUT /repos/{owner}/{repo}/actions/permissions/artifact-and-log-retention.
func (p *page) setRetention(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Days *int `json:"days"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Days == nil {
		return actions.Missing("Repository", "days")
	}
	err := p.settings.Update(r.Context(), settings.Repo(rest.CallOf(r).Repo), settings.Set(settings.RetentionDays, *body.Days))
	if actions.KindOf(err) == actions.Invalid {
		return actions.InField("Repository", "days", err)
	}
	if err != nil {
		return err
	}
	return rest.NoContent(w)
}
