package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/store"
)

// getRetention serves GET /repos/{owner}/{repo}/actions/permissions/artifact-and-log-retention.
func (a *API) getRetention(w http.ResponseWriter, r *http.Request) error {
	repo, err := a.Store.Repository(r.Context(), callOf(r).repo.ID)
	if err != nil {
		return err
	}
	now := repo.Retention(a.ArtifactDays)
	return httpjson.Write(w, http.StatusOK, struct {
		Days    int `json:"days"`
		MaxDays int `json:"maximum_allowed_days"`
	}{now.Days, now.MaxDays})
}

// setRetention serves PUT /repos/{owner}/{repo}/actions/permissions/artifact-and-log-retention.
// It is for artifacts to come: those that are there keep their time.
func (a *API) setRetention(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Days *int `json:"days"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Days == nil {
		return httpjson.Missing("Repository", "days")
	}
	err := a.Store.Update(r.Context(), func(tx *store.Tx) error {
		repo, err := tx.Repository(r.Context(), callOf(r).repo.ID)
		if err != nil {
			return err
		}
		if err := repo.Retention(a.ArtifactDays).Check(*body.Days); err != nil {
			return custom("Repository", "days", err)
		}
		repo.ArtifactDays = *body.Days
		return tx.UpdateRepository(r.Context(), repo)
	})
	if err != nil {
		return err
	}
	a.Auth.Changed()
	return noContent(w)
}
