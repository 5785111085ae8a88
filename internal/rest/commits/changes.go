package commits

import (
	"net/url"

	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// filesOfPage is how many files a page of a commit has, where nothing is said, and at most.
const filesOfPage = 300

// A changedCommit is a commit and a page of the files that it has changed.
type changedCommit struct {
	*shape.FullCommit
	Stats statsJSON  `json:"stats"`
	Files []fileJSON `json:"files"`
}

type statsJSON struct {
	Total     int `json:"total"`
	Additions int `json:"additions"`
	Deletions int `json:"deletions"`
}

type fileJSON struct {
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

func newChangedCommit(c *rest.Call, g *gitrepo.Commit, changes *gitrepo.Changes) *changedCommit {
	v := &changedCommit{
		FullCommit: shape.NewFullCommit(c.Base, c.Repo, &g.Commit, g.Parents),
		Stats:      statsJSON{changes.Additions + changes.Deletions, changes.Additions, changes.Deletions},
		Files:      make([]fileJSON, len(changes.Files)),
	}
	for i, f := range changes.Files {
		at := g.SHA
		if f.Status == "removed" { // it is in the parent
			at = g.Parents[0]
		}
		where := (&url.URL{Path: f.Path}).EscapedPath()
		v.Files[i] = fileJSON{
			SHA: f.SHA, Filename: f.Path, Status: f.Status, Additions: f.Additions, Deletions: f.Deletions, Changes: f.Additions + f.Deletions,
			BlobURL:     c.RepoHTML() + "/blob/" + at + "/" + where,
			RawURL:      c.RepoHTML() + "/raw/" + at + "/" + where,
			ContentsURL: c.RepoURL() + "/contents/" + where + "?ref=" + at,
			Patch:       f.Patch, Previous: f.Previous,
		}
	}
	return v
}
