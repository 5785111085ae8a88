package rest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-github/v75/github"

	"github.com/understudy-ci/understudy/internal/actions"
)

type fields map[string]any

func TestSiteAdminMakesUsersAndOrganizations(t *testing.T) {
	each(t, func(s *site) {
		u := s.want(s.do(http.MethodPost, "/admin/users", s.root, fields{"login": "bob", "email": "bob@example.com"}), http.StatusCreated).json(s)
		if u["login"] != "bob" || u["type"] != "User" {
			s.Errorf("made %v", u)
		}
		o := s.want(s.do(http.MethodPost, "/admin/organizations", s.root, fields{"login": "octo", "admin": "bob", "profile_name": "Octo Inc"}), http.StatusCreated).json(s)
		if o["login"] != "octo" {
			s.Errorf("made %v", o)
		}
		if got := s.want(s.get("/orgs/OCTO"), http.StatusOK).json(s)["name"]; got != "Octo Inc" {
			s.Errorf("name %v", got)
		}
		s.want(s.get("/orgs/bob"), http.StatusNotFound)
		bob := s.impersonate("bob", "repo")
		s.want(s.do(http.MethodPost, "/orgs/octo/repos", bob, fields{"name": "mine"}), http.StatusCreated)
		s.refused(s.do(http.MethodPost, "/orgs/octo/repos", s.token, fields{"name": "yours"}), http.StatusForbidden, "You must be an owner of the organization to do this.")
		s.want(s.do(http.MethodPost, "/orgs/none/repos", s.token, fields{"name": "yours"}), http.StatusNotFound)
	})
}

// impersonate makes a token for somebody else.
func (s *site) impersonate(login string, scopes ...string) string {
	s.Helper()
	a := s.want(s.do(http.MethodPost, "/admin/users/"+login+"/authorizations", s.root, fields{"scopes": scopes}), http.StatusCreated)
	return a.json(s)["token"].(string)
}

func TestAccountsThatCannotBeAreRefused(t *testing.T) {
	s := newSite(t)
	for _, body := range []fields{
		{},
		{"login": ""},
		{"login": "api"},
		{"login": "a b"},
		{"login": "-a"},
		{"login": "ALICE"},
		{"login": strings.Repeat("a", 40)},
		{"login": "../etc"},
		{"login": "ok", "email": "nobody"},
		{"login": "ok", "email": "a@b\r\nc"},
		{"login": 5},
	} {
		s.want(s.do(http.MethodPost, "/admin/users", s.root, body), http.StatusUnprocessableEntity)
	}
	for _, body := range []fields{{"login": "octo"}, {"login": "octo", "admin": "nobody"}, {"login": "alice", "admin": "alice"}} {
		s.want(s.do(http.MethodPost, "/admin/organizations", s.root, body), http.StatusUnprocessableEntity)
	}
	s.refused(s.do(http.MethodPost, "/admin/users", s.root, "{"), http.StatusBadRequest, "Problems parsing JSON")
	s.refused(s.do(http.MethodPost, "/admin/users", s.root, "[]"), http.StatusBadRequest, "Body should be a JSON object")
	s.want(s.get("/users/octo"), http.StatusNotFound)
}

func TestAdministrationDoesNotExistForOthers(t *testing.T) {
	s := newSite(t)
	unscoped := s.newToken(s.admin, "repo")
	for _, path := range []string{"/admin/users", "/admin/organizations", "/admin/users/alice/authorizations"} {
		s.refused(s.do(http.MethodPost, path, s.token, fields{"login": "bob"}), http.StatusNotFound, "Not Found")
		s.refused(s.do(http.MethodPost, path, unscoped, fields{"login": "bob"}), http.StatusNotFound, "Not Found")
		s.refused(s.do(http.MethodPost, path, "", fields{"login": "bob"}), http.StatusUnauthorized, "Requires authentication")
	}
}

func TestImpersonationGivesNoMoreThanTheCallerHas(t *testing.T) {
	s := newSite(t)
	poor := s.newToken(s.admin, "site_admin", "public_repo")
	path := "/admin/users/alice/authorizations"
	s.want(s.do(http.MethodPost, path, poor, fields{"scopes": []string{"repo"}}), http.StatusForbidden)
	s.want(s.do(http.MethodPost, path, s.root, fields{"scopes": []string{"everything"}}), http.StatusUnprocessableEntity)
	s.want(s.do(http.MethodPost, "/admin/users/nobody/authorizations", s.root, fields{"scopes": []string{}}), http.StatusNotFound)

	token := s.impersonate("alice", "public_repo")
	if got := s.want(s.do(http.MethodGet, "/user", token, nil), http.StatusOK).json(t)["login"]; got != "alice" {
		t.Errorf("it is %v's", got)
	}
	s.want(s.do(http.MethodGet, s.path(), token, nil), http.StatusNotFound) // private
	s.want(s.do(http.MethodDelete, path, s.root, nil), http.StatusNoContent)
	s.want(s.do(http.MethodGet, "/user", token, nil), http.StatusUnauthorized)
	s.want(s.get("/user"), http.StatusOK) // her own is still good
}

func TestUsersSeeThemselvesAndOthers(t *testing.T) {
	s := newSite(t)
	u := s.want(s.get("/user"), http.StatusOK).json(t)
	if u["login"] != "alice" || u["owned_private_repos"] != 1.0 || u["user_view_type"] != "private" {
		t.Errorf("user %v", u)
	}
	if u = s.want(s.do(http.MethodGet, "/users/ALICE", "", nil), http.StatusOK).json(t); u["user_view_type"] != "public" {
		t.Errorf("user %v", u)
	}
	if _, ok := u["owned_private_repos"]; ok {
		t.Error("others see private counts")
	}
	s.refused(s.do(http.MethodGet, "/user", s.jobToken(s.repo, nil), nil), http.StatusForbidden, "Resource not accessible by integration")
}

func TestRepositoriesAreMade(t *testing.T) {
	each(t, func(s *site) {
		gh := s.goGitHub(s.token)
		r, res, err := gh.Repositories.Create(s.Context(), "", &github.Repository{Name: new("my project!"), Description: new("d"), Private: new(true)})
		s.must(err)
		if got, want := r.GetFullName(), "alice/my-project-"; got != want || !r.GetPrivate() || r.GetDefaultBranch() != "main" {
			s.Errorf("made %s, want %s", got, want)
		}
		if got, want := res.Header.Get("Location"), s.url+"/api/v3/repos/alice/my-project-"; got != want {
			s.Errorf("location %s, want %s", got, want)
		}
		if got, want := r.GetCloneURL(), s.url+"/alice/my-project-.git"; got != want {
			s.Errorf("clone_url %s, want %s", got, want)
		}
		s.must(func() error { _, err := s.git.Head(r.GetID()); return err }())
		got, _, err := gh.Repositories.Get(s.Context(), "ALICE", "My-Project-")
		s.must(err)
		if !got.GetPermissions()["admin"] || got.GetVisibility() != "private" {
			s.Errorf("got %v", got)
		}
	})
}

func TestARepositoryCanBeginWithAReadme(t *testing.T) {
	s := newSite(t)
	s.want(s.do(http.MethodPost, "/admin/organizations", s.root, fields{"login": "octo", "admin": "alice"}), http.StatusCreated)
	gh, ctx := s.goGitHub(s.newToken(s.alice, "repo", "workflow", "admin:org")), t.Context()
	for org, want := range map[string]string{"": "# first", "octo": "# first\nIt has <words>\n"} {
		_, description, _ := strings.Cut(strings.TrimSpace(want), "\n")
		made, res, err := gh.Repositories.Create(ctx, org, &github.Repository{Name: new("first"), Description: &description, AutoInit: new(true)})
		s.must(err)
		if res.StatusCode != http.StatusCreated || made.GetDefaultBranch() != "main" {
			t.Errorf("%d %v", res.StatusCode, made)
		}
		file, _, _, err := gh.Repositories.GetContents(ctx, made.GetOwner().GetLogin(), "first", "README.md", nil)
		s.must(err)
		if text, err := file.GetContent(); err != nil || text != want {
			t.Errorf("README.md is %q, %v, want %q", text, err, want)
		}
		c, _, err := gh.Repositories.GetCommit(ctx, made.GetOwner().GetLogin(), "first", "main", nil)
		s.must(err)
		if by := c.GetCommit().GetAuthor(); c.GetCommit().GetMessage() != "Initial commit" || len(c.Parents) != 0 || by.GetName() != "alice" ||
			by.GetEmail() != strconv.FormatInt(s.alice.ID, 10)+"+alice@users.noreply.127.0.0.1" {
			t.Errorf("commit %v", c)
		}
		runs, _, err := gh.Actions.ListRepositoryWorkflowRuns(ctx, made.GetOwner().GetLogin(), "first", nil)
		if err != nil || runs.GetTotalCount() != 0 {
			t.Errorf("runs %v, %v", runs, err)
		}
	}
}

func TestRepositoriesThatCannotBeAreRefused(t *testing.T) {
	s := newSite(t)
	for _, body := range []fields{
		{},
		{"name": ""},
		{"name": "Hello"},
		{"name": ".."},
		{"name": "x.git"},
		{"name": strings.Repeat("a", 101)},
		{"name": "x", "visibility": "secret"},
		{"name": "x", "auto_init": "yes"},
		{"name": "x", "description": "a\nb"},
		{"name": "x", "private": "yes"},
	} {
		s.want(s.do(http.MethodPost, "/user/repos", s.token, body), http.StatusUnprocessableEntity)
	}
	a := s.do(http.MethodPost, "/user/repos", s.token, fields{"name": "hello"})
	if a.json(t)["message"] != "Repository creation failed." || !strings.Contains(string(a.text), "name already exists on this account") {
		t.Errorf("answer %s", a.text)
	}
	public := s.newToken(s.alice, "public_repo")
	s.want(s.do(http.MethodPost, "/user/repos", public, fields{"name": "p", "private": true}), http.StatusForbidden)
	s.want(s.do(http.MethodPost, "/user/repos", public, fields{"name": "p"}), http.StatusCreated)
	s.want(s.do(http.MethodPost, "/user/repos", "", fields{"name": "p"}), http.StatusUnauthorized)
	s.want(s.do(http.MethodPost, "/user/repos", s.jobToken(s.repo, map[string]string{"contents": "write"}), fields{"name": "q"}), http.StatusForbidden)
}

func TestARepositoryWhoseCreationWasCutShortIsMadeAtStart(t *testing.T) {
	each(t, func(s *site) {
		now := s.alice.CreatedAt
		half := &actions.Repository{Owner: *s.alice, Name: "half", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
		s.must(s.store.CreateRepository(s.Context(), half))
		s.must(s.api.Reconcile(s.Context()))
		head, err := s.git.Head(half.ID)
		if err != nil || head != "main" {
			s.Errorf("HEAD %q, %v", head, err)
		}
		sha := s.push(s.repo, "main", map[string]string{"a": "b"})
		s.must(s.api.Reconcile(s.Context()))
		if got, err := s.git.Resolve(s.Context(), s.repo.ID, "main"); err != nil || got != sha {
			s.Errorf("main is %s, %v, want %s", got, err, sha)
		}
	})
}

func TestRepositoryIsChanged(t *testing.T) {
	s := newSite(t)
	s.pushed()
	s.push(s.repo, "next", map[string]string{"a": "b"})
	r := s.want(s.do(http.MethodPatch, s.path(), s.token, fields{"description": "new", "private": false, "default_branch": "next"}), http.StatusOK).json(t)
	if r["description"] != "new" || r["private"] != false || r["default_branch"] != "next" {
		t.Errorf("changed to %v", r)
	}
	head, err := s.git.Head(s.repo.ID)
	if err != nil || head != "next" {
		t.Errorf("HEAD is %s, %v", head, err)
	}
	s.want(s.do(http.MethodGet, s.path(), "", nil), http.StatusOK) // public now
	for _, body := range []fields{{"default_branch": "none"}, {"default_branch": "--upload-pack=x"}, {"name": "other"}, {"visibility": "x"}} {
		s.want(s.do(http.MethodPatch, s.path(), s.token, body), http.StatusUnprocessableEntity)
	}
	s.want(s.do(http.MethodPatch, s.path(), s.newToken(s.account("bob", nil), "repo"), fields{"private": true}), http.StatusForbidden)
}

func TestDownloadsAreGoneFromTheLaterVersion(t *testing.T) {
	s := newSite(t)
	for version, want := range map[string]bool{"2022-11-28": true, "2026-03-10": false} {
		r := s.want(s.get(s.path(), "X-GitHub-Api-Version: "+version), http.StatusOK).json(t)
		if _, ok := r["has_downloads"]; ok != want {
			t.Errorf("%s: has_downloads there: %t", version, ok)
		}
	}
}

func TestCollaboratorsComeAndGo(t *testing.T) {
	each(t, func(s *site) {
		token := s.newToken(s.account("bob", nil), "repo")
		path := s.path("collaborators/bob")
		see := func(status int) {
			s.Helper()
			s.want(s.do(http.MethodGet, s.path(), token, nil), status)
		}
		see(http.StatusNotFound)
		s.want(s.do(http.MethodPut, path, s.token, fields{"permission": "maintain"}), http.StatusNoContent)
		see(http.StatusOK)
		p := s.want(s.get(path+"/permission"), http.StatusOK).json(s)
		if p["permission"] != "write" || p["role_name"] != "maintain" {
			s.Errorf("permission %v", p)
		}
		s.refused(s.do(http.MethodPut, path, token, fields{"permission": "admin"}), http.StatusForbidden, "Must have admin rights to Repository.")
		s.want(s.do(http.MethodPut, path, s.token, nil), http.StatusNoContent) // push by default
		if got := s.want(s.get(path+"/permission"), http.StatusOK).json(s)["role_name"]; got != "write" {
			s.Errorf("role %v", got)
		}
		s.want(s.do(http.MethodPut, path, s.token, fields{"permission": "king"}), http.StatusUnprocessableEntity)
		s.want(s.do(http.MethodPut, s.path("collaborators/nobody"), s.token, nil), http.StatusNotFound)
		s.want(s.do(http.MethodDelete, path, s.token, nil), http.StatusNoContent)
		see(http.StatusNotFound)
	})
}

func TestSuspendedUsersAreMadeSuspended(t *testing.T) {
	s := newSite(t)
	s.want(s.do(http.MethodPost, "/admin/users", s.root, fields{"login": "bob", "suspended": true}), http.StatusCreated)
	s.want(s.do(http.MethodGet, "/user", s.impersonate("bob", "repo"), nil), http.StatusUnauthorized)
	if a, err := s.store.AccountByLogin(t.Context(), "bob"); err != nil || !a.Suspended || a.Type != actions.User {
		t.Errorf("account %v, %v", a, err)
	}
}
