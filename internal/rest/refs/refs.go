// Package refs is the page "Git references" of the reference.
package refs

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
	return []rest.Route{{
		Pattern: "GET /repos/{owner}/{repo}/git/ref/{ref...}", Handle: p.get, Docs: "rest/git/refs#get-a-reference",
		Need: auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"},
	}}
}

type page struct{ git *gitrepo.Git }

type gitObjectJSON struct {
	Type string `json:"type"`
	SHA  string `json:"sha"`
	URL  string `json:"url"`
}

type referenceJSON struct {
	Ref    string        `json:"ref"`
	NodeID string        `json:"node_id"`
	URL    string        `json:"url"`
	Object gitObjectJSON `json:"object"`
}

// get serves GET /repos/{owner}/{repo}/git/ref/{ref}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	c, ref := rest.CallOf(r), "refs/"+r.PathValue("ref")
	sha, err := p.git.View(c.Repo.ID).Ref(ref)
	if err != nil {
		return notFound(err)
	}
	commit, err := p.git.Resolve(r.Context(), c.Repo.ID, ref)
	if err != nil {
		return notFound(err)
	}
	repo := c.RepoURL()
	object := gitObjectJSON{"commit", sha, repo + "/git/commits/" + sha}
	if sha != commit {
		object = gitObjectJSON{"tag", sha, repo + "/git/tags/" + sha}
	}
	return httpjson.Write(w, http.StatusOK, referenceJSON{
		Ref:    ref,
		NodeID: shape.NodeID("Ref", c.Repo.ID) + ref,
		URL:    repo + "/git/" + (&url.URL{Path: ref}).EscapedPath(),
		Object: object,
	})
}

// notFound makes NotFound of a name that cannot be a ref.
func notFound(err error) error {
	if actions.KindOf(err) == actions.Invalid {
		return rest.ErrNotFound
	}
	return err
}
