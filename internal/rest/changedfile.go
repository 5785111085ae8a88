package rest

import (
	"net/url"

	"github.com/understudy-ci/understudy/internal/gitrepo"
)

// A ChangedFile is a file that a commit or a pull request has changed.
type ChangedFile struct {
	SHA         string `json:"sha"`
	Filename    string `json:"filename"`
	Status      string `json:"status"`
	Additions   int    `json:"additions"`
	Deletions   int    `json:"deletions"`
	Changes     int    `json:"changes"`
	BlobURL     string `json:"blob_url"`
	RawURL      string `json:"raw_url"` // leads nowhere yet; contents_url has the bytes
	ContentsURL string `json:"contents_url"`
	Patch       string `json:"patch,omitempty"`
	Previous    string `json:"previous_filename,omitempty"`
}

// ChangedFiles are the files of changes of the call's repository between two commits.
func (c *Call) ChangedFiles(changes *gitrepo.Changes, before, after string) []ChangedFile {
	files := make([]ChangedFile, len(changes.Files))
	for i, f := range changes.Files {
		at := after
		if f.Status == "removed" { // it is in the one before
			at = before
		}
		where := (&url.URL{Path: f.Path}).EscapedPath()
		files[i] = ChangedFile{
			SHA: f.SHA, Filename: f.Path, Status: f.Status, Additions: f.Additions, Deletions: f.Deletions, Changes: f.Additions + f.Deletions,
			BlobURL:     c.RepoHTML() + "/blob/" + at + "/" + where,
			RawURL:      c.RepoHTML() + "/raw/" + at + "/" + where,
			ContentsURL: c.RepoURL() + "/contents/" + where + "?ref=" + at,
			Patch:       f.Patch, Previous: f.Previous,
		}
	}
	return files
}
