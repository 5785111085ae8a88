package web

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// changeable is the run of a path, if the caller may change it.
func (s *Site) changeable(r *http.Request, c *auth.Caller) (*actions.Repository, *actions.Run, error) {
	repo, err := s.readable(r, c)
	if err != nil {
		return nil, nil, err
	}
	if err := s.auth.Can(r.Context(), c, auth.Target{Repo: repo}, changeActions); err != nil {
		return nil, nil, err
	}
	run, err := s.runOf(r, repo)
	return repo, run, err
}

// runOf is the run that a path names.
func (s *Site) runOf(r *http.Request, repo *actions.Repository) (*actions.Run, error) {
	id, err := httpjson.PathID(r, "run")
	if err != nil {
		return nil, err
	}
	return s.store.RepoRun(r.Context(), repo.ID, id)
}

// cancel serves POST /{owner}/{repo}/actions/runs/{run}/cancel.
func (s *Site) cancel(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, run, err := s.changeable(r, c)
	if err != nil {
		return err
	}
	if err := s.scheduler.Cancel(r.Context(), run.ID, r.PostForm.Get("force") != ""); err != nil {
		return err
	}
	redirect(w, runPath(headOf(repo), run.ID))
	return nil
}

// rerun serves POST /{owner}/{repo}/actions/runs/{run}/rerun.
func (s *Site) rerun(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, run, err := s.changeable(r, c)
	if err != nil {
		return err
	}
	if err := s.scheduler.Rerun(r.Context(), run.ID, *c.Account, r.PostForm.Get("debug") != ""); err != nil {
		return err
	}
	redirect(w, runPath(headOf(repo), run.ID))
	return nil
}
