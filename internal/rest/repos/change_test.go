package repos_test

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

var bothVersions = []string{"2022-11-28", "2026-03-10"}

// others are a value for each setting, other than that of a new repository.
var others = resttest.Fields{
	"description": "d", "homepage": "https://example.com/x",
	"has_issues": false, "has_projects": false, "has_wiki": false, "has_pull_requests": false, "pull_request_creation_policy": "collaborators_only",
	"is_template": true, "allow_forking": false, "web_commit_signoff_required": true,
	"allow_squash_merge": false, "allow_merge_commit": false, "allow_auto_merge": true, "delete_branch_on_merge": true, "allow_update_branch": true,
	"squash_merge_commit_title": "PR_TITLE", "squash_merge_commit_message": "BLANK", "merge_commit_title": "PR_TITLE", "merge_commit_message": "PR_BODY",
	"visibility": "internal", "has_discussions": true,
}

func wantFields(s *resttest.Site, got map[string]any, want resttest.Fields) {
	s.Helper()
	for name, value := range want {
		if !cmp.Equal(got[name], value) {
			s.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
}

func TestWhatIsSetOfARepositoryIsKept(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Organization("octo", s.Alice)
		token := s.Token(s.Alice, "repo", "admin:org")
		for i, version := range bothVersions {
			header, name := "X-GitHub-Api-Version: "+version, "r"+strconv.Itoa(i)
			made := s.Want(s.Do(http.MethodPost, "/orgs/octo/repos", token, resttest.Fields{"name": name}, header), http.StatusCreated).JSON(s)
			wantFields(s, made, resttest.Fields{"has_issues": true, "allow_rebase_merge": true, "merge_commit_message": "PR_TITLE", "archived": false, "homepage": nil})
			for field, value := range others { // each alone, and nothing else with it
				before := s.Do(http.MethodGet, "/repos/octo/"+name, token, nil, header).JSON(s)
				body := resttest.Fields{field: value}
				switch field { // some go together
				case "squash_merge_commit_title", "squash_merge_commit_message":
					body = resttest.Fields{"squash_merge_commit_title": "PR_TITLE", "squash_merge_commit_message": "BLANK"}
				case "merge_commit_title", "merge_commit_message":
					body = resttest.Fields{"merge_commit_title": "PR_TITLE", "merge_commit_message": "PR_BODY"}
				}
				s.Want(s.Do(http.MethodPatch, "/repos/octo/"+name, token, body, header), http.StatusOK)
				after := s.Do(http.MethodGet, "/repos/octo/"+name, token, nil, header).JSON(s)
				wantFields(s, after, body)
				for other := range others {
					if _, set := body[other]; !set && !cmp.Equal(before[other], after[other]) {
						s.Errorf("%s changes %s from %v to %v", field, other, before[other], after[other])
					}
				}
			}
			all := s.Do(http.MethodGet, "/repos/octo/"+name, token, nil, header).JSON(s)
			wantFields(s, all, others)
			wantFields(s, all, resttest.Fields{"private": true})
			if _, has := all["use_squash_pr_title_as_default"]; has != (i == 0) {
				s.Errorf("%s: the flag about titles is there: %t", version, has)
			}
			given := resttest.Fields{"name": name + "-given"}
			maps.Copy(given, others)
			wantFields(s, s.Want(s.Do(http.MethodPost, "/orgs/octo/repos", token, given, header), http.StatusCreated).JSON(s), others)
		}
		s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"use_squash_pr_title_as_default": true, "has_wiki": nil}), http.StatusOK)
		wantFields(s, s.Get(s.Path()).JSON(s), resttest.Fields{"squash_merge_commit_title": "PR_TITLE", "has_wiki": true})
	})
}

func TestSettingsOfARepositoryThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	for name, body := range map[string]resttest.Fields{
		"no merge method":           {"allow_squash_merge": false, "allow_merge_commit": false, "allow_rebase_merge": false},
		"unknown policy":            {"pull_request_creation_policy": "some"},
		"unknown title":             {"merge_commit_title": "X"},
		"title without its message": {"merge_commit_title": "PR_TITLE"},
		"titles that do not go":     {"squash_merge_commit_title": "COMMIT_OR_PR_TITLE", "squash_merge_commit_message": "BLANK"},
		"no flag":                   {"has_wiki": "yes"},
		"homepage of two lines":     {"homepage": "a\nb"},
		"homepage too long":         {"homepage": "https://" + strings.Repeat("a", 400)},
		"internal, of a person":     {"visibility": "internal"},
		"forks, of a person":        {"allow_forking": false},
		"scanning":                  {"security_and_analysis": resttest.Fields{"secret_scanning": resttest.Fields{"status": "enabled"}}},
		"properties":                {"custom_properties": resttest.Fields{"a": "b"}},
		"gitignore":                 {"gitignore_template": "Go"},
		"license":                   {"license_template": "mit"},
		"team":                      {"team_id": 7},
		"bad name":                  {"name": "x.git"},
	} {
		if a := s.Do(http.MethodPatch, s.Path(), s.AliceToken, body); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: changed: %d %s", name, a.StatusCode, a.Text)
		}
		if name == "bad name" {
			continue
		}
		body["name"] = "other"
		if a := s.Do(http.MethodPost, "/user/repos", s.AliceToken, body); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: made: %d %s", name, a.StatusCode, a.Text)
		}
	}
	off := resttest.Fields{"security_and_analysis": resttest.Fields{"secret_scanning": resttest.Fields{"status": "disabled"}}}
	s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, off), http.StatusOK)
}

// push tries to push a new commit with git, and returns what git says.
func push(s *resttest.Site, repo *actions.Repository) (string, error) {
	s.Helper()
	dir := s.TempDir()
	s.RunGit(dir, "init", "-q", "-b", "later")
	s.Must(os.WriteFile(filepath.Join(dir, "a"), []byte("b"), 0o600))
	s.RunGit(dir, "add", "-A")
	s.RunGit(dir, "commit", "-q", "-m", "a commit")
	out, err := exec.CommandContext(s.Context(), "git", "-C", dir, "push", s.Remote(repo, s.AliceToken), "later").CombinedOutput() //nolint:gosec // the arguments are the test's
	return string(out), err
}

func TestNothingChangesInAnArchivedRepository(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		_, run := s.Pushed()
		job := s.JobToken(s.Repo, map[string]string{"contents": "write", "actions": "write"})
		wantFields(s, s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"archived": true}), http.StatusOK).JSON(s), resttest.Fields{"archived": true})
		const refusal = "Repository was archived so is read-only."
		for _, a := range []*servertest.Reply{
			s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"description": "new"}),
			s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"archived": true, "name": "other"}),
			s.Do(http.MethodPost, s.Path("actions/workflows/hello.yml/dispatches"), s.AliceToken, resttest.Fields{"ref": "main"}),
			s.Do(http.MethodPost, s.Path("actions/workflows/hello.yml/dispatches"), job, resttest.Fields{"ref": "main"}),
			s.Do(http.MethodPost, s.Path("actions/runs", run.ID, "rerun"), s.AliceToken, nil),
			s.Do(http.MethodPut, s.Path("actions/workflows/hello.yml/disable"), s.AliceToken, nil),
			s.Do(http.MethodPut, s.Path("collaborators/alice"), s.AliceToken, nil),
			s.Do(http.MethodPost, s.Path("actions/runners/registration-token"), s.AliceToken, nil),
		} {
			s.Refused(a, http.StatusForbidden, refusal)
		}
		if out, err := push(s, s.Repo); err == nil || !strings.Contains(out, "remote: This repository was archived so it is read-only.") {
			s.Errorf("pushed: %v %s", err, out)
		}
		runs, n, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: s.Repo.ID}, store.Page{Number: 1, Size: 10})
		if s.Must(err); n != 1 || runs[0].Attempt > 1 {
			s.Errorf("%d runs", n)
		}
		s.Want(s.Get(s.Path("actions/runs")), http.StatusOK)
		s.Refused(s.Do(http.MethodPatch, s.Path(), s.Token(s.User("bob"), "repo"), resttest.Fields{"archived": false}), http.StatusNotFound, "Not Found")
		wantFields(s, s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"archived": false, "description": "back"}), http.StatusOK).JSON(s),
			resttest.Fields{"archived": false, "description": "back"})
		if out, err := push(s, s.Repo); err != nil {
			s.Errorf("push: %v %s", err, out)
		}
	})
}

func TestAnInternalRepositoryIsReadByEveryAccount(t *testing.T) {
	s := resttest.New(t)
	org := s.Organization("octo", s.Alice)
	repo := s.Repository(org, "inner", true)
	bob := s.User("bob")
	full, narrow := s.Token(bob, "repo"), s.Token(bob, "public_repo")
	s.Want(s.Do(http.MethodGet, "/repos/octo/inner", full, nil), http.StatusNotFound)
	s.Want(s.Do(http.MethodPatch, "/repos/octo/inner", s.AliceToken, resttest.Fields{"visibility": "internal"}), http.StatusOK)
	got := s.Want(s.Do(http.MethodGet, "/repos/octo/inner", full, nil), http.StatusOK).JSON(t)
	wantFields(s, got, resttest.Fields{"private": true, "visibility": "internal"})
	if may := got["permissions"].(map[string]any); may["pull"] != true || may["push"] != false {
		t.Errorf("permissions %v", may)
	}
	for name, token := range map[string]string{"nobody": "", "a token for public repositories": narrow, "a job of another repository": s.JobToken(s.Repo, map[string]string{"contents": "read"})} {
		if a := s.Do(http.MethodGet, "/repos/octo/inner", token, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
	}
	s.Want(s.Do(http.MethodPatch, "/repos/octo/inner", full, resttest.Fields{"description": "x"}), http.StatusForbidden)
	for id, want := range map[int64]int{bob.ID: 1, 0: 0} {
		if list, n, err := s.Store.VisibleRepositories(t.Context(), store.Viewer{AccountID: id, Private: id != 0}, store.Page{Number: 1, Size: 10}); err != nil || n != want {
			t.Errorf("account %d sees %v, %v", id, list, err)
		}
	}
	wantFields(s, s.Want(s.Do(http.MethodPatch, "/repos/octo/inner", s.AliceToken, resttest.Fields{"private": true}), http.StatusOK).JSON(t), resttest.Fields{"visibility": "internal"})
	wantFields(s, s.Want(s.Do(http.MethodPatch, "/repos/octo/inner", s.AliceToken, resttest.Fields{"private": false}), http.StatusOK).JSON(t), resttest.Fields{"visibility": "public"})
	_ = repo
}

func TestARenamedRepositoryIsFoundByItsOldName(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		sha, _ := s.Pushed()
		s.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		wantFields(s, s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"name": "new name"}), http.StatusOK).JSON(s), resttest.Fields{"full_name": "alice/new-name"})
		id := s.URL + "/api/v3/repositories/" + strconv.FormatInt(s.Repo.ID, 10)
		for _, c := range []struct {
			method, path, to string
			want             int
		}{
			{http.MethodGet, "/repos/Alice/HELLO", id, http.StatusMovedPermanently},
			{http.MethodGet, s.Path("actions/runs?per_page=1"), id + "/actions/runs?per_page=1", http.StatusMovedPermanently},
			{http.MethodPatch, s.Path(), id, http.StatusTemporaryRedirect},
		} {
			a := s.Want(s.Do(c.method, c.path, s.AliceToken, resttest.Fields{}), c.want)
			if body := a.JSON(s); a.Header.Get("Location") != c.to || body["url"] != c.to || body["message"] != http.StatusText(c.want) {
				s.Errorf("%s: to %s, %s", c.path, a.Header.Get("Location"), a.Text)
			}
			if c.method == http.MethodGet {
				s.Want(s.Do(c.method, c.to, s.AliceToken, nil), http.StatusOK)
			}
		}
		s.Want(s.Do(http.MethodGet, s.Path(), s.Token(s.User("bob"), "repo"), nil), http.StatusNotFound)
		if got := s.RunGit(s.TempDir(), "ls-remote", s.Remote(s.Repo, s.AliceToken), "refs/heads/main"); !strings.HasPrefix(got, sha) {
			s.Errorf("git finds %s", got)
		}
		s.Want(s.Do(http.MethodPatch, "/repos/alice/new-name", s.AliceToken, resttest.Fields{"private": false}), http.StatusOK)
		if a := s.Want(s.Site.Do(http.MethodGet, "/alice/hello/actions?page=2", "", nil), http.StatusMovedPermanently); a.Header.Get("Location") != "/alice/new-name/actions?page=2" {
			s.Errorf("page at %s", a.Header.Get("Location"))
		}
		// The name is free for another one, which it leads to then, also when that is renamed back.
		s.Want(s.Do(http.MethodPost, "/user/repos", s.AliceToken, resttest.Fields{"name": "Hello", "description": "second"}), http.StatusCreated)
		wantFields(s, s.Want(s.Get(s.Path()), http.StatusOK).JSON(s), resttest.Fields{"description": "second"})
		s.Want(s.Do(http.MethodPatch, "/repos/alice/new-name", s.AliceToken, resttest.Fields{"name": "hello"}), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodPatch, "/repos/alice/new-name", s.AliceToken, resttest.Fields{"name": "New-Name"}), http.StatusOK) // only its case
		s.Want(s.Get("/repos/alice/new-name"), http.StatusOK)
	})
}
