package repos

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
)

type topicsJSON struct {
	Names []string `json:"names"`
}

// topics serves GET /repos/{owner}/{repo}/topics.
func (p *page) topics(w http.ResponseWriter, r *http.Request) error {
	repo, err := p.store.Repository(r.Context(), rest.CallOf(r).Repo.ID)
	if err != nil {
		return err
	}
	l := rest.ListingOf(r)
	names := append([]string{}, actions.Slice(l.Page, repo.Topics)...)
	l.Link(w, r, len(repo.Topics))
	return httpjson.Write(w, http.StatusOK, topicsJSON{names})
}

// setTopics serves PUT /repos/{owner}/{repo}/topics.
func (p *page) setTopics(w http.ResponseWriter, r *http.Request) error {
	var body topicsJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Names == nil {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"names\" wasn't supplied.")
	}
	topics, err := actions.CheckTopics(body.Names)
	if err != nil {
		return err
	}
	repo, err := p.repositories.Update(r.Context(), rest.CallOf(r).Repo.ID, repository.Change{Topics: topics})
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, topicsJSON{append([]string{}, repo.Topics...)})
}
