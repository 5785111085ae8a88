package repos

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/store"
)

// forks serves GET /repos/{owner}/{repo}/forks.
func (p *page) forks(w http.ResponseWriter, r *http.Request) error {
	f := store.RepositoryFilter{ParentID: rest.CallOf(r).Repo.ID, Sort: "created", Descending: true}
	if rest.ListingOf(r).Query.Get("sort") == "oldest" { // there are no stars and watchers to sort by
		f.Descending = false
	}
	return p.list(w, r, f)
}

// fork serves POST /repos/{owner}/{repo}/forks. As on GitHub, a fork runs no workflows
// until somebody enables Actions for it.
func (p *page) fork(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Organization string `json:"organization"`
		Name         string `json:"name"`
		DefaultOnly  bool   `json:"default_branch_only"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	c := rest.CallOf(r)
	f := repository.Fork{Of: c.Repo, Owner: c.Caller.Account, Name: body.Name, DefaultOnly: body.DefaultOnly, With: p.settings.DisableActions}
	on, target := auth.User, auth.Target{}
	if body.Organization != "" {
		org, err := p.store.AccountByLogin(r.Context(), body.Organization)
		if actions.KindOf(err) == actions.NotFound || err == nil && org.Type != actions.Organization {
			return actions.BadField("Fork", "organization")
		}
		if err != nil {
			return err
		}
		f.Owner, on, target.Org = org, auth.Org, org
	}
	if err := p.auth.Can(r.Context(), c.Caller, target, auth.MakeRepository(on, c.Repo.Private)); err != nil {
		return err
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push)
	if err != nil {
		return err
	}
	defer leave()
	repo, err := p.repositories.Fork(r.Context(), f)
	if err != nil {
		return err
	}
	v, err := p.full(r, repo, actions.Admin)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusAccepted, v)
}
