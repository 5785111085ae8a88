package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/httpjson"
)

// listArtifacts serves GET /repos/{owner}/{repo}/actions/artifacts.
func (a *API) listArtifacts(w http.ResponseWriter, _ *http.Request) error {
	return writeArtifacts(w)
}

// listRunArtifacts serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts.
func (a *API) listRunArtifacts(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.run(r); err != nil {
		return err
	}
	return writeArtifacts(w)
}

// writeArtifacts lists what there is: nothing yet uploads artifacts.
func writeArtifacts(w http.ResponseWriter) error {
	return httpjson.Write(w, http.StatusOK, struct {
		Total     int        `json:"total_count"`
		Artifacts []struct{} `json:"artifacts"`
	}{0, []struct{}{}})
}
