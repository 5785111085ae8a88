package artifacts

import (
	"net/http"
	"net/url"
	"path"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
)

// The files inside of an artifact are served one by one, so that nobody needs the
// archive to see one of them. GitHub has no such operations.

type artifactFileJSON struct {
	Path        string  `json:"path"`
	Type        string  `json:"type"` // file, directory or symlink
	SizeInBytes int64   `json:"size_in_bytes"`
	URL         *string `json:"url"` // null for what cannot be read
}

// listFiles serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/files.
func (p *page) listFiles(w http.ResponseWriter, r *http.Request) error {
	art, err := p.artifact(r)
	if err != nil {
		return err
	}
	list, err := p.artifacts.Files(r.Context(), &art.Artifact)
	if err != nil {
		return err
	}
	l := rest.ListingOf(r)
	answer := struct {
		Total     int                 `json:"total_count"`
		Truncated bool                `json:"truncated"` // there are more than the list has
		Files     []*artifactFileJSON `json:"files"`
	}{len(list.Files), list.Truncated, []*artifactFileJSON{}}
	base := artifactURL(rest.CallOf(r), art.ID) + "/files/"
	for _, f := range actions.Slice(l.Page, list.Files) {
		v := &artifactFileJSON{Path: f.Path, Type: string(f.Type), SizeInBytes: f.Size}
		if f.Type == artifact.Regular && !f.Renamed {
			u := base + (&url.URL{Path: f.Path}).EscapedPath()
			v.URL = &u
		}
		answer.Files = append(answer.Files, v)
	}
	l.Link(w, r, len(list.Files))
	return httpjson.Write(w, http.StatusOK, answer)
}

// getFile serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/files/{path...}:
// one file, as it streams out of the archive.
func (p *page) getFile(w http.ResponseWriter, r *http.Request) error {
	art, err := p.artifact(r)
	if err != nil {
		return err
	}
	content, f, err := p.artifacts.OpenFile(r.Context(), &art.Artifact, r.PathValue("path"))
	if err != nil {
		return err
	}
	defer content.Close()
	return httpjson.SendFile(w, r, httpjson.File{Name: path.Base(f.Path), Size: f.Size, Content: content}, p.log)
}
