package permissions

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/settings"
)

type accessJSON struct {
	Level settings.Sharing `json:"access_level"`
}

// getAccess serves GET /repos/{owner}/{repo}/actions/permissions/access.
func (p *page) getAccess(w http.ResponseWriter, r *http.Request) error {
	repo := rest.CallOf(r).Repo
	if err := settings.CheckSharing(repo, settings.ShareNone); err != nil {
		return err
	}
	level, err := settings.Get(r.Context(), p.settings, settings.Repo(repo), settings.ActionsSharing)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, accessJSON{level})
}

// setAccess serves PUT /repos/{owner}/{repo}/actions/permissions/access.
func (p *page) setAccess(w http.ResponseWriter, r *http.Request) error {
	var body accessJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Level == "" {
		return actions.Missing("Repository", "access_level")
	}
	repo := rest.CallOf(r).Repo
	err := settings.CheckSharing(repo, body.Level)
	if err == nil {
		err = p.settings.Update(r.Context(), settings.Repo(repo), settings.Set(settings.ActionsSharing, body.Level))
	}
	if err != nil {
		return err
	}
	return rest.NoContent(w)
}
