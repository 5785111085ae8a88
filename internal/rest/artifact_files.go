package rest

import (
	"net/http"
	"net/url"
	"path"

	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// The files inside of an artifact are served one by one, so that nobody needs the
// archive to see one of them. GitHub has no such operations.

type artifactFileJSON struct {
	Path        string  `json:"path"`
	Type        string  `json:"type"` // file, directory or symlink
	SizeInBytes int64   `json:"size_in_bytes"`
	URL         *string `json:"url"` // null for what cannot be read
}

// listArtifactFiles serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/files.
func (a *API) listArtifactFiles(w http.ResponseWriter, r *http.Request) error {
	art, err := a.artifact(r)
	if err != nil {
		return err
	}
	list, err := a.Artifacts.Files(r.Context(), &art.Artifact)
	if err != nil {
		return err
	}
	l := listingOf(r)
	answer := struct {
		Total     int                 `json:"total_count"`
		Truncated bool                `json:"truncated"` // there are more than the list has
		Files     []*artifactFileJSON `json:"files"`
	}{len(list.Files), list.Truncated, []*artifactFileJSON{}}
	base := callOf(r).artifactURL(art.ID) + "/files/"
	for _, f := range slice(list.Files, l.page) {
		v := &artifactFileJSON{Path: f.Path, Type: string(f.Type), SizeInBytes: f.Size}
		if f.Type == artifact.Regular && !f.Renamed {
			u := base + (&url.URL{Path: f.Path}).EscapedPath()
			v.URL = &u
		}
		answer.Files = append(answer.Files, v)
	}
	l.link(w, r, len(list.Files))
	return httpjson.Write(w, http.StatusOK, answer)
}

// getArtifactFile serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/files/{path...}:
// one file, as it streams out of the archive.
func (a *API) getArtifactFile(w http.ResponseWriter, r *http.Request) error {
	art, err := a.artifact(r)
	if err != nil {
		return err
	}
	content, f, err := a.Artifacts.OpenFile(r.Context(), &art.Artifact, r.PathValue("path"))
	if err != nil {
		return err
	}
	defer content.Close()
	return httpjson.SendFile(w, r, httpjson.File{Name: path.Base(f.Path), Size: f.Size, Content: content}, a.Log, a.Now)
}
