package rest

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/version"
)

// defaultBranch is that of a new repository.
const defaultBranch = "main"

// repositoryJSON is the repository as the caller sees it.
func (c *call) repositoryJSON(repo *actions.Repository, p actions.Permission) *shape.FullRepository {
	if c.caller.Anonymous() {
		p = actions.NoAccess
	}
	full := shape.NewFullRepository(c.base, repo, p)
	if c.version.AtLeast(version.V20260310) {
		full.HasDownloads = nil
	}
	return full
}

// getRepository serves GET /repos/{owner}/{repo}.
func (a *API) getRepository(w http.ResponseWriter, r *http.Request) error {
	c := callOf(r)
	repo, err := a.Store.Repository(r.Context(), c.repo.ID)
	if err != nil {
		return err
	}
	p, err := a.Auth.Permission(r.Context(), c.caller, repo)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, c.repositoryJSON(repo, p))
}

type newRepository struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Private     bool   `json:"private"`
	Visibility  string `json:"visibility"`
	AutoInit    bool   `json:"auto_init"`
}

// createUserRepository serves POST /user/repos.
func (a *API) createUserRepository(w http.ResponseWriter, r *http.Request) error {
	c := callOf(r)
	if c.caller.Anonymous() {
		return errSignIn
	}
	return a.createRepository(w, r, c.caller.Account)
}

// createOrganizationRepository serves POST /orgs/{org}/repos.
func (a *API) createOrganizationRepository(w http.ResponseWriter, r *http.Request) error {
	org, err := a.organization(r)
	if err != nil {
		return err
	}
	return a.createRepository(w, r, org)
}

func (a *API) createRepository(w http.ResponseWriter, r *http.Request, owner *actions.Account) error {
	var body newRepository
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	repo, err := body.repository(owner)
	if err != nil {
		return err
	}
	scope := "public_repo"
	if repo.Private {
		scope = "repo"
	}
	c := callOf(r)
	if err := a.Auth.CanOwn(r.Context(), c.caller, owner, scope); err != nil {
		return err
	}
	repo.CreatedAt = a.Now()
	repo.UpdatedAt = repo.CreatedAt
	create := func(ctx context.Context) error { return a.Git.Create(ctx, repo.ID, repo.DefaultBranch) }
	if body.AutoInit {
		first := c.firstCommit(repo)
		create = func(ctx context.Context) error { return a.Git.CreateWith(ctx, repo.ID, repo.DefaultBranch, first) }
	}
	if err := a.addRepository(r.Context(), repo, create); err != nil {
		return err
	}
	w.Header().Set("Location", c.base.API+"/repos/"+repo.FullName())
	return httpjson.Write(w, http.StatusCreated, c.repositoryJSON(repo, actions.Admin))
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
	if err := checkText("Repository", "description", n.Description); err != nil {
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
		return custom("Repository", "visibility", actions.Errorf(actions.Invalid, "visibility must be public or private"))
	}
	return nil
}

// maxText is how long a name or description may be.
const maxText = 350

// checkText says whether text may be shown in one line.
func checkText(resource, field, text string) error {
	if utf8.RuneCountInString(text) > maxText {
		return custom(resource, field, actions.Errorf(actions.Invalid, "%s is too long (maximum is %d characters)", field, maxText))
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return custom(resource, field, actions.Errorf(actions.Invalid, "%s control characters are not allowed", field))
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
func (a *API) addRepository(ctx context.Context, repo *actions.Repository, create func(context.Context) error) error {
	err := a.Store.CreateRepository(ctx, repo)
	if actions.KindOf(err) == actions.Invalid {
		return creationFailed(err)
	} else if err != nil {
		return err
	}
	if err = create(ctx); err == nil {
		return nil
	}
	undo := func(tx *store.Tx) error { return tx.DeleteRepository(context.WithoutCancel(ctx), repo.ID, a.Now()) }
	if undone := a.Store.Update(context.WithoutCancel(ctx), undo); undone != nil {
		a.Log.ErrorContext(ctx, "repository left without files", "repo", repo.ID, "err", undone)
	}
	a.Auth.Changed()
	return err
}

// Reconcile makes the files of repositories whose row is there without them,
// because the server was killed between the two. They are empty, whatever was
// asked for: nobody has heard of them yet. It is called at start.
func (a *API) Reconcile(ctx context.Context) error {
	const some = 500
	for after := int64(0); ; {
		repos, err := a.Store.RepositoriesAfter(ctx, after, some)
		if err != nil || len(repos) == 0 {
			return err
		}
		for _, repo := range repos {
			if err := a.Git.Create(ctx, repo.ID, repo.DefaultBranch); err != nil { // one that exists is left as it is
				return err
			}
			after = repo.ID
		}
	}
}

// updateRepository serves PATCH /repos/{owner}/{repo}: description, visibility
// and default branch.
func (a *API) updateRepository(w http.ResponseWriter, r *http.Request) error {
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
	c := callOf(r)
	if body.Name != nil && *body.Name != c.repo.Name {
		return custom("Repository", "name", actions.Errorf(actions.Invalid, "a repository cannot be renamed here"))
	}
	if body.Description != nil {
		if err := checkText("Repository", "description", *body.Description); err != nil {
			return err
		}
	}
	if body.DefaultBranch != nil && *body.DefaultBranch != c.repo.DefaultBranch {
		if err := a.moveHead(r.Context(), c.repo, *body.DefaultBranch); err != nil {
			return err
		}
	}
	var repo *actions.Repository
	err := a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if repo, err = tx.Repository(r.Context(), c.repo.ID); err != nil {
			return err
		}
		set(&repo.Description, body.Description)
		set(&repo.Private, body.Private)
		set(&repo.DefaultBranch, body.DefaultBranch)
		if err := setVisibility(repo, body.Visibility); err != nil {
			return err
		}
		repo.UpdatedAt = a.Now()
		return tx.UpdateRepository(r.Context(), repo)
	})
	if err != nil {
		return err
	}
	a.Auth.Changed()
	return httpjson.Write(w, http.StatusOK, c.repositoryJSON(repo, actions.Admin))
}

// moveHead makes an existing branch the one that a clone checks out.
func (a *API) moveHead(ctx context.Context, repo *actions.Repository, branch string) error {
	if err := actions.CheckBranch(branch); err != nil {
		return custom("Repository", "default_branch", err)
	}
	_, err := a.Git.Resolve(ctx, repo.ID, "refs/heads/"+branch)
	if actions.KindOf(err) == actions.NotFound {
		return custom("Repository", "default_branch", actions.Errorf(actions.Invalid,
			"The branch %s was not found. Please push that ref first or create it via the Git Data API.", branch))
	} else if err != nil {
		return err
	}
	return a.Git.SetHead(ctx, repo.ID, branch)
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
