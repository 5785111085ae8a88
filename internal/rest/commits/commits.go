// Package commits is the page "Commits" of the reference.
package commits

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the page.
func Routes(st *store.Store, repositories *repository.Repositories, git *gitrepo.Git) []rest.Route {
	p := &page{st, repositories, git}
	return []rest.Route{{
		Pattern: "GET /repos/{owner}/{repo}/commits", Handle: p.list, Docs: "rest/commits/commits#list-commits",
		Need: auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"},
	}, {
		Pattern: "GET /repos/{owner}/{repo}/commits/{ref...}", Handle: p.get, Docs: "rest/commits/commits#get-a-commit",
		Need: auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"},
	}}
}

type page struct {
	store        *store.Store
	repositories *repository.Repositories
	git          *gitrepo.Git
}

// get serves GET /repos/{owner}/{repo}/commits/{ref}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	c, ref := rest.CallOf(r), r.PathValue("ref")
	sha, err := rest.CommitOf(r, p.repositories, ref)
	var g *gitrepo.Commit
	if err == nil {
		g, err = p.git.View(c.Repo.ID).Commit(r.Context(), sha)
	}
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return actions.Errorf(actions.Invalid, "No commit found for SHA: %s", ref)
	} else if err != nil {
		return err
	}
	if rest.Accepts(r, "sha") {
		w.Header().Set("Content-Type", "application/vnd.github.sha; charset=utf-8")
		_, err := w.Write([]byte(g.SHA))
		return err
	}
	l := rest.ListingUpTo(r, filesOfPage, filesOfPage)
	changes, err := p.git.View(c.Repo.ID).Changes(r.Context(), g, l.Page)
	if err != nil {
		return err
	}
	l.Link(w, r, changes.Total)
	return httpjson.Write(w, http.StatusOK, newChangedCommit(c, g, changes))
}
