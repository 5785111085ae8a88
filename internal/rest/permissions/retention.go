package permissions

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/settings"
)

// getRetention serves GET …/actions/permissions/artifact-and-log-retention.
func (p *page) getRetention(w http.ResponseWriter, r *http.Request) error {
	days, err := settings.Get(r.Context(), p.settings, scope(r), settings.RetentionDays)
	if err != nil {
		return err
	}
	most, err := settings.Most(r.Context(), p.settings, scope(r), settings.RetentionDays)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Days    int `json:"days"`
		MaxDays int `json:"maximum_allowed_days"`
	}{days, most})
}

// setRetention serves PUT …/actions/permissions/artifact-and-log-retention.
func (p *page) setRetention(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Days *int `json:"days"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	resource, c := "Repository", rest.CallOf(r)
	org := c.Org != nil
	switch {
	case org:
		resource = "Organization"
	case c.Repo == nil:
		resource = "Enterprise"
	}
	if body.Days == nil {
		return actions.Missing(resource, "days")
	}
	err := p.settings.Update(r.Context(), scope(r), settings.Set(settings.RetentionDays, *body.Days))
	if actions.KindOf(err) == actions.Invalid && org && *body.Days > 0 && *body.Days <= actions.MaxPrivateDays { // it is the enterprise that allows less
		return actions.Errorf(actions.Conflict, "%w", err)
	}
	if err != nil {
		return actions.InField(resource, "days", err)
	}
	return rest.NoContent(w)
}
