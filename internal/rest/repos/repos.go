// Package repos is the page "Repositories" of the reference.
package repos

import (
	"encoding/json"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the page.
func Routes(st *store.Store, a *auth.Auth, repositories *repository.Repositories, git *gitrepo.Git, sched *scheduler.Scheduler, set *settings.Settings) []rest.Route {
	const (
		repo = "/repos/{owner}/{repo}"
		docs = "rest/repos/repos#"
	)
	p := &page{st, a, repositories, git, sched, set}
	return []rest.Route{
		{Pattern: "POST /user/repos", Handle: p.createForUser, Docs: docs + "create-a-repository-for-the-authenticated-user", Need: auth.MakeRepository(auth.User, false)},
		{Pattern: "POST /orgs/{org}/repos", Handle: p.createInOrganization, Docs: docs + "create-an-organization-repository", Need: auth.MakeRepository(auth.Org, false)},
		{Pattern: "GET /user/repos", Handle: p.ofCaller, Docs: docs + "list-repositories-for-the-authenticated-user", Need: auth.Need{On: auth.User}},
		{Pattern: "GET /orgs/{org}/repos", Handle: p.ofOrganization, Docs: docs + "list-organization-repositories", Need: auth.Need{On: auth.Org, Public: true}},
		{Pattern: "GET /users/{username}/repos", Handle: p.ofUser, Docs: docs + "list-repositories-for-a-user", Need: auth.Need{On: auth.Site, Public: true}},
		{Pattern: "GET " + repo, Handle: p.get, Docs: docs + "get-a-repository", Need: auth.Metadata},
		{Pattern: "GET " + repo + "/hash-algorithm", Handle: p.hashAlgorithm, Docs: docs + "get-a-repository", Need: auth.Metadata},
		{Pattern: "GET " + repo + "/tags", Handle: p.tags, Docs: docs + "list-repository-tags", Need: auth.Metadata},
		{Pattern: "PATCH " + repo, Handle: p.update, Docs: docs + "update-a-repository", Need: auth.Administer},
		{Pattern: "DELETE " + repo, Handle: p.delete, Docs: docs + "delete-a-repository", Need: auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration", Archived: true, Scopes: []string{"delete_repo"}}},
		{Pattern: "GET " + repo + "/forks", Handle: p.forks, Docs: "rest/repos/forks#list-forks", Need: auth.Metadata},
		{Pattern: "POST " + repo + "/forks", Handle: p.fork, Docs: "rest/repos/forks#create-a-fork", Need: auth.Need{On: auth.Repo, Role: actions.Read, Permission: "administration", Level: auth.WriteLevel, SignedIn: true, Granted: true, Archived: true}},
		{Pattern: "GET " + repo + "/topics", Handle: p.topics, Docs: docs + "get-all-repository-topics", Need: auth.Metadata},
		{Pattern: "PUT " + repo + "/topics", Handle: p.setTopics, Docs: docs + "replace-all-repository-topics", Need: auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration"}},
	}
}

type page struct {
	store        *store.Store
	auth         *auth.Auth
	repositories *repository.Repositories
	git          *gitrepo.Git
	scheduler    *scheduler.Scheduler
	settings     *settings.Settings
}

// repositoryJSON is the repository as the caller sees it.
func repositoryJSON(c *rest.Call, repo *actions.Repository, may actions.Permission) *shape.FullRepository {
	if c.Caller.Anonymous() {
		may = actions.NoAccess
	}
	return c.FullRepository(repo, may)
}

// get serves GET /repos/{owner}/{repo}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	c := rest.CallOf(r)
	repo, err := p.store.Repository(r.Context(), c.Repo.ID)
	if err != nil {
		return err
	}
	may, err := p.auth.Permission(r.Context(), c.Caller, repo)
	if err != nil {
		return err
	}
	v, err := p.full(r, repo, may)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, v)
}

// full is the repository as the caller sees it, with what it is a fork of.
func (p *page) full(r *http.Request, repo *actions.Repository, may actions.Permission) (*shape.FullRepository, error) {
	c := rest.CallOf(r)
	v := repositoryJSON(c, repo, may)
	if !repo.Fork() {
		return v, nil
	}
	of, err := p.store.RepositoriesOf(r.Context(), []int64{repo.ParentID, repo.NetworkID})
	if err != nil {
		return nil, err
	}
	for id, into := range map[int64]**shape.Repository{repo.ParentID: &v.Parent, repo.NetworkID: &v.Source} {
		if of[id] == nil {
			continue
		}
		may, err := p.auth.May(r.Context(), c.Caller, auth.Target{Repo: of[id]}, auth.Metadata)
		if err != nil {
			return nil, err
		}
		if may {
			*into = c.WholeRepository(of[id])
		}
	}
	if repo.ParentID == repo.NetworkID {
		v.Parent = v.Source
	}
	return v, nil
}

// delete serves DELETE /repos/{owner}/{repo}.
func (p *page) delete(w http.ResponseWriter, r *http.Request) error {
	if err := p.repositories.Delete(r.Context(), rest.CallOf(r).Repo.ID, p.scheduler.EndRuns); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// hashAlgorithm serves GET /repos/{owner}/{repo}/hash-algorithm, which is on no page of
// the reference: checkout asks it in every job, before it makes the repository there.
func (p *page) hashAlgorithm(w http.ResponseWriter, _ *http.Request) error {
	return httpjson.Write(w, http.StatusOK, struct {
		HashAlgorithm string `json:"hash_algorithm"`
	}{gitrepo.HashAlgorithm})
}

type newRepository struct {
	notHere
	Name        string `json:"name"`
	Description string `json:"description"`
	Homepage    string `json:"homepage"`
	Private     bool   `json:"private"`
	Visibility  string `json:"visibility"`
	AutoInit    bool   `json:"auto_init"`
}

// createForUser serves POST /user/repos.
func (p *page) createForUser(w http.ResponseWriter, r *http.Request) error {
	return p.create(w, r, rest.CallOf(r).Caller.Account, auth.User)
}

// createInOrganization serves POST /orgs/{org}/repos.
func (p *page) createInOrganization(w http.ResponseWriter, r *http.Request) error {
	return p.create(w, r, rest.CallOf(r).Org, auth.Org)
}

func (p *page) create(w http.ResponseWriter, r *http.Request, owner *actions.Account, on auth.On) error {
	var raw json.RawMessage
	if err := httpjson.Decode(r, &raw, httpjson.DefaultLimit); err != nil {
		return err
	}
	var body newRepository
	if err := httpjson.Parse(raw, &body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	repo := &actions.Repository{
		Owner: *owner, Name: body.Name, Description: body.Description, Homepage: body.Homepage, Private: body.Private, Options: actions.StandardOptions(),
	}
	if err := change(raw, &repo.Options); err != nil {
		return err
	}
	if body.Visibility != "" { // counts more than private
		if err := repo.SetVisibility(body.Visibility); err != nil {
			return err
		}
	}
	c := rest.CallOf(r)
	if repo.Private {
		if err := p.auth.Can(r.Context(), c.Caller, c.Target(), auth.MakeRepository(on, true)); err != nil {
			return err
		}
	}
	var first *repository.First
	if body.AutoInit {
		first = &repository.First{By: c.Caller.Account, Host: c.Base.Hostname()}
	}
	err := p.repositories.Create(r.Context(), repo, first)
	if err != nil {
		return err
	}
	w.Header().Set("Location", c.Base.API+"/repos/"+repo.FullName())
	return httpjson.Write(w, http.StatusCreated, repositoryJSON(c, repo, actions.Admin))
}
