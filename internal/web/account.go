package web

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/store"
)

type accountPage struct {
	indexPage
	Account *actions.Account
}

// account serves GET /{owner}: a person or an organization, and those of its repositories
// that the visitor may read.
func (s *Site) account(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	login := r.PathValue("owner")
	if !actions.CanBeName(login) {
		return errNotFound
	}
	a, err := s.store.AccountByLogin(r.Context(), login)
	if err != nil {
		return err
	}
	if a.Type == actions.Bot {
		return errNotFound // see app
	}
	f := store.RepositoryFilter{OwnerID: a.ID, Sort: "full_name"}
	repos, total, err := s.store.Repositories(r.Context(), s.auth.Viewer(c), f, store.Page{Number: 1, Size: maxRepositories})
	if err != nil {
		return err
	}
	p := accountPage{indexPage: s.listed(r, c, a.Login, repos, total), Account: a}
	return s.render(w, http.StatusOK, "account", p)
}

// app serves GET /apps/github-actions, the page of the only app that there is: it acts
// for jobs, as github-actions[bot].
func (s *Site) app(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	return s.render(w, http.StatusOK, "app", s.page(r, c, "GitHub Actions"))
}
