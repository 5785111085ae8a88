// Package repos is the page "Repositories" of the reference.
package repos

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/version"
)

// defaultBranch is that of a new repository.
const defaultBranch = "main"

// Config is what the page needs.
type Config struct {
	Store *store.Store
	Auth  *auth.Auth
	Git   *gitrepo.Git
	Log   *slog.Logger
	Now   func() time.Time
}

// Routes are the operations of the page.
func Routes(c Config) []rest.Route {
	const (
		repo = "/repos/{owner}/{repo}"
		docs = "rest/repos/repos#"
	)
	p := &page{c.Store, c.Auth, c.Git, c.Log, c.Now}
	return []rest.Route{
		{Pattern: "POST /user/repos", Handle: p.createForUser, Docs: docs + "create-a-repository-for-the-authenticated-user", Need: own(auth.User, "public_repo", "repo")},
		{Pattern: "POST /orgs/{org}/repos", Handle: p.createInOrganization, Docs: docs + "create-an-organization-repository", Need: own(auth.Org, "public_repo", "repo")},
		{Pattern: "GET " + repo, Handle: p.get, Docs: docs + "get-a-repository", Need: auth.Need{On: auth.Repo, Role: actions.Read, Permission: "metadata"}},
		{Pattern: "PATCH " + repo, Handle: p.update, Docs: docs + "update-a-repository", Need: auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration"}},
	}
}

type page struct {
	store *store.Store
	auth  *auth.Auth
	git   *gitrepo.Git
	log   *slog.Logger
	now   func() time.Time
}

// repositoryJSON is the repository as the caller sees it.
func repositoryJSON(c *rest.Call, repo *actions.Repository, may actions.Permission) *shape.FullRepository {
	if c.Caller.Anonymous() {
		may = actions.NoAccess
	}
	full := shape.NewFullRepository(c.Base, repo, may)
	if c.Version.AtLeast(version.V20260310) {
		full.HasDownloads = nil
	}
	return full
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
	return httpjson.Write(w, http.StatusOK, repositoryJSON(c, repo, may))
}

type newRepository struct {
	Name        string `json:"name"`
	Description string `json:"description"`
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

// own is what a new repository needs; a private one needs the scope repo.
func own(on auth.On, scopes ...string) auth.Need {
	return auth.Need{On: on, Role: actions.Admin, Permission: "administration", Scopes: scopes}
}

func (p *page) create(w http.ResponseWriter, r *http.Request, owner *actions.Account, on auth.On) error {
	var body newRepository
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	repo, err := body.repository(owner)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	if repo.Private {
		if err := p.auth.Can(r.Context(), c.Caller, c.Target(), own(on, auth.RepoScope)); err != nil {
			return err
		}
	}
	repo.CreatedAt = p.now()
	repo.UpdatedAt = repo.CreatedAt
	create := func(ctx context.Context) error { return p.git.Create(ctx, repo.ID, repo.DefaultBranch) }
	if body.AutoInit {
		first := firstCommit(c, repo)
		create = func(ctx context.Context) error { return p.git.CreateWith(ctx, repo.ID, repo.DefaultBranch, first) }
	}
	if err := p.addRepository(r.Context(), repo, create); err != nil {
		return err
	}
	w.Header().Set("Location", c.Base.API+"/repos/"+repo.FullName())
	return httpjson.Write(w, http.StatusCreated, repositoryJSON(c, repo, actions.Admin))
}

// repository is what the body asks for.
func (n *newRepository) repository(owner *actions.Account) (*actions.Repository, error) {
	if n.Name == "" {
		return nil, httpjson.Missing("Repository", "name")
	}
	repo := &actions.Repository{
		Owner: *owner, Name: repositoryName(n.Name), Description: n.Description, Private: n.Private, DefaultBranch: defaultBranch,
	}
	if err := setVisibility(repo, n.Visibility); err != nil {
		return nil, err
	}
	if err := actions.CheckRepositoryName(repo.Name); err != nil {
		return nil, creationFailed(err)
	}
	if err := httpjson.CheckText("Repository", "description", n.Description); err != nil {
		return nil, err
	}
	return repo, nil
}

// repositoryName is name with a hyphen for whatever cannot be in one, as on GitHub.
func repositoryName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			return c
		}
		return '-'
	}, name)
}

func setVisibility(repo *actions.Repository, visibility string) error {
	switch visibility {
	case "":
	case "public", "private":
		repo.Private = visibility == "private"
	default:
		return httpjson.Custom("Repository", "visibility", actions.Errorf(actions.Invalid, "visibility must be public or private"))
	}
	return nil
}

// creationFailed is the error for a name that a new repository cannot have.
func creationFailed(err error) error {
	return httpjson.Invalid("Repository creation failed.", httpjson.FieldError{
		Resource: "Repository", Code: "custom", Field: "name", Message: httpjson.Message(err),
	})
}

// addRepository makes the row, and then the repository on disk that it numbers.
// When that fails there is no row either.
func (p *page) addRepository(ctx context.Context, repo *actions.Repository, create func(context.Context) error) error {
	err := p.store.CreateRepository(ctx, repo)
	if actions.KindOf(err) == actions.Invalid {
		return creationFailed(err)
	} else if err != nil {
		return err
	}
	if err = create(ctx); err == nil {
		return nil
	}
	undo := func(tx *store.Tx) error { return tx.DeleteRepository(context.WithoutCancel(ctx), repo.ID, p.now()) }
	if undone := p.store.Update(context.WithoutCancel(ctx), undo); undone != nil {
		p.log.ErrorContext(ctx, "repository left without files", "repo", repo.ID, "err", undone)
	}
	p.auth.Changed()
	return err
}

// Reconcile makes the files of repositories whose row is there without them,
// because the server was killed between the two. They are empty, whatever was
// asked for: nobody has heard of them yet. It is called at start.
func Reconcile(ctx context.Context, c Config) error {
	const some = 500
	for after := int64(0); ; {
		repos, err := c.Store.RepositoriesAfter(ctx, after, some)
		if err != nil || len(repos) == 0 {
			return err
		}
		for _, repo := range repos {
			if err := c.Git.Create(ctx, repo.ID, repo.DefaultBranch); err != nil { // one that exists is left as it is
				return err
			}
			after = repo.ID
		}
	}
}

// update serves PATCH /repos/{owner}/{repo}: description, visibility
// and default branch.
func (p *page) update(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Name          *string `json:"name"`
		Description   *string `json:"description"`
		Private       *bool   `json:"private"`
		Visibility    string  `json:"visibility"`
		DefaultBranch *string `json:"default_branch"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	c := rest.CallOf(r)
	if body.Name != nil && *body.Name != c.Repo.Name {
		return httpjson.Custom("Repository", "name", actions.Errorf(actions.Invalid, "a repository cannot be renamed here"))
	}
	if body.Description != nil {
		if err := httpjson.CheckText("Repository", "description", *body.Description); err != nil {
			return err
		}
	}
	if body.DefaultBranch != nil && *body.DefaultBranch != c.Repo.DefaultBranch {
		if err := p.moveHead(r.Context(), c.Repo, *body.DefaultBranch); err != nil {
			return err
		}
	}
	var repo *actions.Repository
	err := p.store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if repo, err = tx.Repository(r.Context(), c.Repo.ID); err != nil {
			return err
		}
		set(&repo.Description, body.Description)
		set(&repo.Private, body.Private)
		set(&repo.DefaultBranch, body.DefaultBranch)
		if err := setVisibility(repo, body.Visibility); err != nil {
			return err
		}
		repo.UpdatedAt = p.now()
		return tx.UpdateRepository(r.Context(), repo)
	})
	if err != nil {
		return err
	}
	p.auth.Changed()
	return httpjson.Write(w, http.StatusOK, repositoryJSON(c, repo, actions.Admin))
}

// moveHead makes an existing branch the one that a clone checks out.
func (p *page) moveHead(ctx context.Context, repo *actions.Repository, branch string) error {
	if err := actions.CheckBranch(branch); err != nil {
		return httpjson.Custom("Repository", "default_branch", err)
	}
	_, err := p.git.Resolve(ctx, repo.ID, "refs/heads/"+branch)
	if actions.KindOf(err) == actions.NotFound {
		return httpjson.Custom("Repository", "default_branch", actions.Errorf(actions.Invalid,
			"The branch %s was not found. Please push that ref first or create it via the Git Data API.", branch))
	} else if err != nil {
		return err
	}
	return p.git.SetHead(ctx, repo.ID, branch)
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
