// Package branches is the page "Branches" of the reference.
package branches

import (
	"net/http"
	"net/url"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Routes are the operations of the page.
func Routes(git *gitrepo.Git) []rest.Route {
	p := &page{git}
	const (
		list = "/repos/{owner}/{repo}/branches"
		docs = "rest/branches/branches#"
	)
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"}
	return []rest.Route{
		{Pattern: "GET " + list, Handle: p.list, Docs: docs + "list-branches", Need: read},
		{Pattern: "GET " + list + "/{branch...}", Handle: p.get, Docs: docs + "get-a-branch", Need: read},
	}
}

type page struct{ git *gitrepo.Git }

type branchLinks struct {
	Self string `json:"self"`
	HTML string `json:"html"`
}

type branchProtection struct {
	Enabled bool `json:"enabled"`
}

type branchJSON struct {
	Name          string            `json:"name"`
	Commit        *shape.FullCommit `json:"commit"`
	Links         branchLinks       `json:"_links"`
	Protected     bool              `json:"protected"`
	Protection    branchProtection  `json:"protection"`
	ProtectionURL string            `json:"protection_url"`
}

// get serves GET /repos/{owner}/{repo}/branches/{branch}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	c, branch := rest.CallOf(r), r.PathValue("branch")
	g, err := p.git.CommitAt(r.Context(), c.Repo.ID, actions.BranchPrefix+branch)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return rest.ErrNotFound
	} else if err != nil {
		return err
	}
	escaped := (&url.URL{Path: branch}).EscapedPath()
	self := c.RepoURL() + "/branches/" + escaped
	return httpjson.Write(w, http.StatusOK, branchJSON{
		Name:          branch,
		Commit:        shape.NewFullCommit(c.Base, c.Repo, &g.Commit, g.Parents),
		Links:         branchLinks{self, c.RepoHTML() + "/tree/" + escaped},
		ProtectionURL: self + "/protection",
	})
}
