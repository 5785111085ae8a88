// Package refs is the page "Git references" of the reference.
package refs

import (
	"net/http"
	"net/url"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Config is what the page needs. All fields are required.
type Config struct {
	Repositories *repository.Repositories
	Git          *gitrepo.Git
	Push         func(*rest.Call) repository.PushFunc // what a push by the caller does
}

// Routes are the operations of the page.
func Routes(c Config) []rest.Route {
	const (
		git  = "/repos/{owner}/{repo}/git"
		docs = "rest/git/refs#"
	)
	p := &page{c}
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"}
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "contents"}
	return []rest.Route{
		{Pattern: "GET " + git + "/ref/{ref...}", Handle: p.get, Docs: docs + "get-a-reference", Need: read},
		{Pattern: "GET " + git + "/matching-refs/{ref...}", Handle: p.matching, Docs: docs + "list-matching-references", Need: read},
		{Pattern: "POST " + git + "/refs", Handle: p.create, Docs: docs + "create-a-reference", Need: write},
		{Pattern: "PATCH " + git + "/refs/{ref...}", Handle: p.update, Docs: docs + "update-a-reference", Need: write},
		{Pattern: "DELETE " + git + "/refs/{ref...}", Handle: p.remove, Docs: docs + "delete-a-reference", Need: write},
	}
}

type page struct{ Config }

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
	ref := "refs/" + r.PathValue("ref")
	sha, err := p.Git.View(rest.CallOf(r).Repo.ID).Ref(ref)
	if err != nil {
		return notFound(err)
	}
	is, err := p.reference(r, gitrepo.Ref{Name: ref, SHA: sha})
	if err != nil {
		return notFound(err)
	}
	return httpjson.Write(w, http.StatusOK, is)
}

// reference is a ref that stands for a commit, or for a tag that is about one.
func (p *page) reference(r *http.Request, ref gitrepo.Ref) (*referenceJSON, error) {
	c := rest.CallOf(r)
	commit, err := p.Git.Resolve(r.Context(), c.Repo.ID, ref.SHA)
	if err != nil {
		return nil, err
	}
	repo := c.RepoURL()
	object := gitObjectJSON{"commit", ref.SHA, repo + "/git/commits/" + ref.SHA}
	if ref.SHA != commit {
		object = gitObjectJSON{"tag", ref.SHA, repo + "/git/tags/" + ref.SHA}
	}
	return &referenceJSON{
		Ref:    ref.Name,
		NodeID: shape.NodeID("Ref", c.Repo.ID) + ref.Name,
		URL:    repo + "/git/" + (&url.URL{Path: ref.Name}).EscapedPath(),
		Object: object,
	}, nil
}

// notFound makes NotFound of a name that cannot be a ref.
func notFound(err error) error {
	if actions.KindOf(err) == actions.Invalid {
		return rest.ErrNotFound
	}
	return err
}
