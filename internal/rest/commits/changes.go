package commits

import (
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// filesOfPage is how many files a page of a commit has, where nothing is said, and at most.
const filesOfPage = 300

// A changedCommit is a commit and a page of the files that it has changed.
type changedCommit struct {
	*shape.FullCommit
	Stats statsJSON          `json:"stats"`
	Files []rest.ChangedFile `json:"files"`
}

type statsJSON struct {
	Total     int `json:"total"`
	Additions int `json:"additions"`
	Deletions int `json:"deletions"`
}

func newChangedCommit(c *rest.Call, g *gitrepo.Commit, changes *gitrepo.Changes) *changedCommit {
	parent := ""
	if len(g.Parents) > 0 {
		parent = g.Parents[0]
	}
	return &changedCommit{
		FullCommit: shape.NewFullCommit(c.Base, c.Repo, &g.Commit, g.Parents),
		Stats:      statsJSON{changes.Additions + changes.Deletions, changes.Additions, changes.Deletions},
		Files:      c.ChangedFiles(changes, parent, g.SHA),
	}
}
