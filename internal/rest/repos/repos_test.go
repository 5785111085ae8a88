package repos_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestRepositoriesAreMade(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		gh := s.GoGitHub(s.AliceToken)
		r, res, err := gh.Repositories.Create(s.Context(), "", &github.Repository{Name: new("my project!"), Description: new("d"), Private: new(true)})
		s.Must(err)
		if got, want := r.GetFullName(), "alice/my-project-"; got != want || !r.GetPrivate() || r.GetDefaultBranch() != "main" {
			s.Errorf("made %s, want %s", got, want)
		}
		if got, want := res.Header.Get("Location"), s.URL+"/api/v3/repos/alice/my-project-"; got != want {
			s.Errorf("location %s, want %s", got, want)
		}
		if got, want := r.GetCloneURL(), s.URL+"/alice/my-project-.git"; got != want {
			s.Errorf("clone_url %s, want %s", got, want)
		}
		s.Must(func() error { _, err := s.Git.Head(r.GetID()); return err }())
		got, _, err := gh.Repositories.Get(s.Context(), "ALICE", "My-Project-")
		s.Must(err)
		if !got.GetPermissions().GetAdmin() || got.GetVisibility() != "private" {
			s.Errorf("got %v", got)
		}
	})
}

func TestARepositoryCanBeginWithAReadme(t *testing.T) {
	s := resttest.New(t)
	s.Want(s.Do(http.MethodPost, "/admin/organizations", s.AdminToken, resttest.Fields{"login": "octo", "admin": "alice"}), http.StatusCreated)
	gh, ctx := s.GoGitHub(s.Token(s.Alice, "repo", "workflow", "admin:org")), t.Context()
	for org, want := range map[string]string{"": "# first", "octo": "# first\nIt has <words>\n"} {
		_, description, _ := strings.Cut(strings.TrimSpace(want), "\n")
		made, res, err := gh.Repositories.Create(ctx, org, &github.Repository{Name: new("first"), Description: &description, AutoInit: new(true)})
		s.Must(err)
		if res.StatusCode != http.StatusCreated || made.GetDefaultBranch() != "main" {
			t.Errorf("%d %v", res.StatusCode, made)
		}
		file, _, _, err := gh.Repositories.GetContents(ctx, made.GetOwner().GetLogin(), "first", "README.md", nil)
		s.Must(err)
		if text, err := file.GetContent(); err != nil || text != want {
			t.Errorf("README.md is %q, %v, want %q", text, err, want)
		}
		c, _, err := gh.Repositories.GetCommit(ctx, made.GetOwner().GetLogin(), "first", "main", nil)
		s.Must(err)
		if by := c.GetCommit().GetAuthor(); c.GetCommit().GetMessage() != "Initial commit" || len(c.Parents) != 0 || by.GetName() != "alice" ||
			by.GetEmail() != strconv.FormatInt(s.Alice.ID, 10)+"+alice@users.noreply.127.0.0.1" {
			t.Errorf("commit %v", c)
		}
		runs, _, err := gh.Actions.ListRepositoryWorkflowRuns(ctx, made.GetOwner().GetLogin(), "first", nil)
		if err != nil || runs.GetTotalCount() != 0 {
			t.Errorf("runs %v, %v", runs, err)
		}
	}
}

func TestRepositoriesThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	for _, body := range []resttest.Fields{
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
		s.Want(s.Do(http.MethodPost, "/user/repos", s.AliceToken, body), http.StatusUnprocessableEntity)
	}
	a := s.Do(http.MethodPost, "/user/repos", s.AliceToken, resttest.Fields{"name": "hello"})
	if a.JSON(t)["message"] != "Repository creation failed." || !strings.Contains(string(a.Text), "name already exists on this account") {
		t.Errorf("answer %s", a.Text)
	}
	public := s.Token(s.Alice, "public_repo")
	s.Want(s.Do(http.MethodPost, "/user/repos", public, resttest.Fields{"name": "p", "private": true}), http.StatusForbidden)
	s.Want(s.Do(http.MethodPost, "/user/repos", public, resttest.Fields{"name": "p"}), http.StatusCreated)
	s.Want(s.Do(http.MethodPost, "/user/repos", "", resttest.Fields{"name": "p"}), http.StatusUnauthorized)
	s.Want(s.Do(http.MethodPost, "/user/repos", s.JobToken(s.Repo, map[string]string{"contents": "write"}), resttest.Fields{"name": "q"}), http.StatusForbidden)
}

func TestRepositoryIsChanged(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	s.Push(s.Repo, "next", map[string]string{"a": "b"})
	r := s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"description": "new", "private": false, "default_branch": "next"}), http.StatusOK).JSON(t)
	if r["description"] != "new" || r["private"] != false || r["default_branch"] != "next" {
		t.Errorf("changed to %v", r)
	}
	head, err := s.Git.Head(s.Repo.ID)
	if err != nil || head != "next" {
		t.Errorf("HEAD is %s, %v", head, err)
	}
	s.Want(s.Do(http.MethodGet, s.Path(), "", nil), http.StatusOK) // public now
	for _, body := range []resttest.Fields{{"default_branch": "none"}, {"default_branch": "--upload-pack=x"}, {"name": "a.git"}, {"visibility": "x"}} {
		s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, body), http.StatusUnprocessableEntity)
	}
	s.Want(s.Do(http.MethodPatch, s.Path(), s.Token(s.User("bob"), "repo"), resttest.Fields{"private": true}), http.StatusForbidden)
}

func TestARefusedChangeLeavesTheRepositoryAsItIs(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Pushed()
		s.Push(s.Repo, "next", map[string]string{"a": "b"})
		for field, body := range map[string]resttest.Fields{
			"visibility":     {"default_branch": "next", "visibility": "bad"},
			"description":    {"default_branch": "next", "description": "two\nlines"},
			"name":           {"default_branch": "next", "name": "other.git"},
			"default_branch": {"default_branch": "none", "private": false},
		} {
			a := s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, body), http.StatusUnprocessableEntity)
			var problem struct {
				Message string
				Errors  []struct{ Resource, Code, Field, Message string }
			}
			s.Must(json.Unmarshal(a.Text, &problem))
			if problem.Message != "Validation Failed" || len(problem.Errors) != 1 || problem.Errors[0].Resource != "Repository" ||
				problem.Errors[0].Code != "custom" || problem.Errors[0].Field != field || problem.Errors[0].Message == "" {
				s.Errorf("%s: answer %s", field, a.Text)
			}
			head, err := s.Git.Head(s.Repo.ID)
			repo, rowErr := s.Store.Repository(s.Context(), s.Repo.ID)
			if s.Must(errors.Join(err, rowErr)); head != "main" || repo.DefaultBranch != "main" || !repo.Private {
				s.Errorf("%s: HEAD %q, default branch %q, private %t; want nothing changed", field, head, repo.DefaultBranch, repo.Private)
			}
		}
	})
}

func TestDownloadsAreGoneFromTheLaterVersion(t *testing.T) {
	s := resttest.New(t)
	for version, want := range map[string]bool{"2022-11-28": true, "2026-03-10": false} {
		r := s.Want(s.Get(s.Path(), "X-GitHub-Api-Version: "+version), http.StatusOK).JSON(t)
		if _, ok := r["has_downloads"]; ok != want {
			t.Errorf("%s: has_downloads there: %t", version, ok)
		}
	}
}

func TestCheckoutLearnsHowObjectsAreNamed(t *testing.T) {
	s := resttest.New(t)
	got := s.Want(s.Get(s.Path("hash-algorithm")), http.StatusOK).JSON(t)["hash_algorithm"]
	sha := s.Push(s.Repo, "main", map[string]string{"README.md": "# Hello\n"})
	if want := map[int]string{40: "sha1", 64: "sha256"}[len(sha)]; got != want {
		t.Errorf("objects are said to be named by %v, and %s is one", got, sha)
	}
	s.Refused(s.Do(http.MethodGet, s.Path("hash-algorithm"), "", nil), http.StatusNotFound, "Not Found")
}
