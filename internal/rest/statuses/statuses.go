// Package statuses is the page "Commit statuses" of the reference.
package statuses

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/check"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the page.
func Routes(st *store.Store, checks *check.Checks, repositories *repository.Repositories) []rest.Route {
	const (
		repo = "/repos/{owner}/{repo}"
		docs = "rest/commits/statuses#"
	)
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "statuses"}
	p := &page{st, checks, repositories}
	return []rest.Route{
		{Pattern: "GET " + repo + "/commits/{ref}/status", Handle: p.combined, Docs: docs + "get-the-combined-status-for-a-specific-reference", Need: read},
		{Pattern: "GET " + repo + "/commits/{ref}/statuses", Handle: p.list, Docs: docs + "list-commit-statuses-for-a-reference", Need: read},
		{Pattern: "GET " + repo + "/statuses/{ref}", Handle: p.list, Docs: docs + "list-commit-statuses-for-a-reference", Need: read}, // as GitHub had it first, and still has
		{
			Pattern: "POST " + repo + "/statuses/{sha}", Handle: p.create, Docs: docs + "create-a-commit-status",
			Need: auth.Need{On: auth.Repo, Role: actions.Write, Permission: "statuses"},
		},
	}
}

type page struct {
	store        *store.Store
	checks       *check.Checks
	repositories *repository.Repositories
}

// commit is the commit that a part of the path stands for.
func (p *page) commit(r *http.Request, ref string) (string, error) {
	sha, err := rest.CommitOf(r, p.repositories, ref)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return "", actions.Errorf(actions.Invalid, "No commit found for SHA: %s", actions.Clip(ref, 255))
	}
	return sha, err
}

// create serves POST /repos/{owner}/{repo}/statuses/{sha}.
func (p *page) create(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		State       string `json:"state"`
		TargetURL   string `json:"target_url"`
		Description string `json:"description"`
		Context     string `json:"context"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	ref := r.PathValue("sha")
	if !gitrepo.IsSHA(ref) {
		return actions.Errorf(actions.Invalid, "No commit found for SHA: %s", actions.Clip(ref, 255))
	}
	sha, err := p.commit(r, ref)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	s := &actions.CommitStatus{
		SHA: sha, State: actions.CommitState(body.State), TargetURL: body.TargetURL, Description: body.Description, Context: body.Context, Creator: *c.Caller.Account,
	}
	if err := p.checks.SetStatus(r.Context(), c.Base, c.Repo, s, c.Caller.Job() != 0); err != nil {
		return err
	}
	made := shape.NewStatus(c.Base, c.Repo, s)
	w.Header().Set("Location", made.URL)
	return httpjson.Write(w, http.StatusCreated, made)
}

// list serves GET /repos/{owner}/{repo}/commits/{ref}/statuses.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	sha, err := p.commit(r, r.PathValue("ref"))
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	list, total, err := p.store.Statuses(r.Context(), c.Repo.ID, sha, l.Page)
	if err != nil {
		return err
	}
	answer := make([]*shape.Status, 0, len(list))
	for _, s := range list {
		answer = append(answer, shape.NewStatus(c.Base, c.Repo, s))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// combined serves GET /repos/{owner}/{repo}/commits/{ref}/status.
func (p *page) combined(w http.ResponseWriter, r *http.Request) error {
	sha, err := p.commit(r, r.PathValue("ref"))
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	all, err := p.store.LatestStatuses(r.Context(), c.Repo.ID, sha)
	if err != nil {
		return err
	}
	url := c.RepoURL() + "/commits/" + sha
	answer := struct {
		State      string                   `json:"state"`
		Statuses   []*shape.SimpleStatus    `json:"statuses"`
		SHA        string                   `json:"sha"`
		Total      int                      `json:"total_count"`
		Repository *shape.MinimalRepository `json:"repository"`
		CommitURL  string                   `json:"commit_url"`
		URL        string                   `json:"url"`
	}{string(actions.Combined(all)), []*shape.SimpleStatus{}, sha, len(all), shape.NewMinimalRepository(c.Base, c.Repo), url, url + "/status"}
	first := min((l.Page.Number-1)*l.Page.Size, len(all))
	for _, s := range all[first:min(first+l.Page.Size, len(all))] {
		answer.Statuses = append(answer.Statuses, shape.NewSimpleStatus(c.Base, c.Repo, s))
	}
	l.Link(w, r, len(all))
	return httpjson.Write(w, http.StatusOK, answer)
}
