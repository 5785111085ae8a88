package branches_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// none are the fields that a protection must say, saying nothing.
func none() resttest.Fields {
	return resttest.Fields{"required_status_checks": nil, "enforce_admins": nil, "required_pull_request_reviews": nil, "restrictions": nil}
}

func with(name string, value any, more ...any) resttest.Fields {
	f := none()
	f[name] = value
	for i := 0; i+1 < len(more); i += 2 {
		f[more[i].(string)] = more[i+1]
	}
	return f
}

func checks(names ...string) resttest.Fields {
	return resttest.Fields{"strict": false, "contexts": names}
}

func protect(s *resttest.Site, rules resttest.Fields) {
	s.Helper()
	s.Want(s.Do(http.MethodPut, s.Path("branches/main/protection"), s.AliceToken, rules), http.StatusOK)
}

// report says how a commit stands by a status.
func report(s *resttest.Site, sha, name, state string) {
	s.Helper()
	s.Want(s.Do(http.MethodPost, s.Path("statuses", sha), s.AliceToken, resttest.Fields{"state": state, "context": name}), http.StatusCreated)
}

// tryGit runs git, which may fail, and returns what it says.
func tryGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0")
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// pusher is somebody who may push to Alice's repository.
func pusher(s *resttest.Site) string {
	s.Helper()
	bob := s.User("bob")
	s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, bob.ID, actions.Write))
	return s.Token(bob, "repo", "workflow")
}

func TestARequiredCheckKeepsAPullRequestFromBeingMerged(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		_, _, topic := s.Asked()
		bob := pusher(s)
		protect(s, with("required_status_checks", checks("lint", "scan")))
		state := func(want string) {
			s.Helper()
			if got := s.Get(s.Path("pulls/1")).JSON(s)["mergeable_state"]; got != want {
				s.Errorf("the pull request is %v, want %s", got, want)
			}
		}
		refused := func(token, want string) {
			s.Helper()
			s.Refused(s.Do(http.MethodPut, s.Path("pulls/1/merge"), token, resttest.Fields{}), http.StatusMethodNotAllowed, want)
		}
		state("blocked")
		refused(bob, "2 of 2 required status checks are expected.")
		report(s, topic, "lint", "success")
		refused(bob, `Required status check "scan" is expected.`)
		run := s.Want(s.Do(http.MethodPost, s.Path("check-runs"), bob, resttest.Fields{"name": "scan", "head_sha": topic, "status": "in_progress"}), http.StatusCreated).JSON(s)
		refused(bob, `Required status check "scan" is pending.`)
		update := func(conclusion string) {
			s.Helper()
			s.Want(s.Do(http.MethodPatch, s.Path("check-runs", int64(run["id"].(float64))), bob, resttest.Fields{"conclusion": conclusion}), http.StatusOK)
		}
		update("failure")
		refused(bob, `Required status check "scan" is failing.`)
		s.Want(s.Do(http.MethodPost, s.Path("branches/main/protection/enforce_admins"), s.AliceToken, nil), http.StatusOK)
		refused(s.AliceToken, `Required status check "scan" is failing.`)
		update("skipped")
		state("unstable") // a job waits for a runner, and is not required
		s.Want(s.Do(http.MethodPut, s.Path("pulls/1/merge"), bob, resttest.Fields{}), http.StatusOK)
	})
}

func TestWhoAdministersARepositoryPassesByUnlessTheRulesHoldForThem(t *testing.T) {
	s := resttest.New(t)
	s.Asked()
	protect(s, with("required_status_checks", checks("lint")))
	s.Want(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, resttest.Fields{}), http.StatusOK)
	list, err := s.Store.AuditEntries(s.Context(), store.AuditFilter{Terms: []store.AuditTerm{{Field: store.AuditByAction, Value: string(actions.AuditBranchOverride)}}}, 10)
	s.Must(err)
	if len(list) != 1 || list[0].Data["branch"] != "main" || !strings.Contains(list[0].Data["overridden"], "lint") {
		t.Errorf("the audit log has %+v", list)
	}
}

func TestARequiredCheckOfAnAppIsOfNoOther(t *testing.T) {
	s := resttest.New(t)
	_, _, topic := s.Asked()
	bob := pusher(s)
	protect(s, with("required_status_checks", resttest.Fields{"strict": false, "contexts": []string{}, "checks": []any{resttest.Fields{"context": "greet", "app_id": actions.ActionsApp}}}))
	report(s, topic, "greet", "success")
	s.Refused(s.Do(http.MethodPut, s.Path("pulls/1/merge"), bob, resttest.Fields{}), http.StatusMethodNotAllowed, `Required status check "greet" is expected.`)
	protect(s, with("required_status_checks", resttest.Fields{"strict": false, "contexts": []string{}, "checks": []any{resttest.Fields{"context": "greet", "app_id": -1}}}))
	s.Want(s.Do(http.MethodPut, s.Path("pulls/1/merge"), bob, resttest.Fields{}), http.StatusOK)
}

func TestAStrictBranchWantsAllOfItsBase(t *testing.T) {
	s := resttest.New(t)
	_, _, topic := s.Asked()
	bob := pusher(s)
	s.Want(s.Do(http.MethodPut, s.Path("contents/meanwhile.txt"), s.AliceToken, resttest.Fields{"message": "m", "content": "eA=="}), http.StatusCreated)
	protect(s, with("required_status_checks", resttest.Fields{"strict": true, "contexts": []string{"lint"}}))
	report(s, topic, "lint", "success")
	if got := s.Get(s.Path("pulls/1")).JSON(t)["mergeable_state"]; got != "behind" {
		t.Errorf("the pull request is %v, want behind", got)
	}
	s.Refused(s.Do(http.MethodPut, s.Path("pulls/1/merge"), bob, resttest.Fields{}), http.StatusMethodNotAllowed, "The head branch is not up to date with the base branch.")
}

func TestAProtectedBranchRefusesAPushInGitHubsWords(t *testing.T) {
	s := resttest.New(t)
	first := s.Push(s.Repo, "main", map[string]string{"a": "b"})
	bob := pusher(s)
	protect(s, with("required_status_checks", checks("lint")))
	dir := t.TempDir()
	s.RunGit(dir, "clone", "--quiet", s.Remote(s.Repo, bob), ".")
	s.Must(os.WriteFile(filepath.Join(dir, "c"), []byte("d"), 0o600))
	s.RunGit(dir, "add", "c")
	s.RunGit(dir, "commit", "--quiet", "-m", "c")
	sha := strings.TrimSpace(s.RunGit(dir, "rev-parse", "HEAD"))
	push := func(args ...string) string {
		t.Helper()
		return tryGit(t, dir, append([]string{"push", "origin"}, args...)...)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"main", "main:other"}, []string{
			"remote: error: GH006: Protected branch update failed for refs/heads/main.", `remote: error: Required status check "lint" is expected.`,
			"main -> main (protected branch hook declined)",
		}},
		{[]string{":main"}, []string{"Cannot delete this protected branch"}},
	} {
		got := push(c.args...)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("push %v says %s, want %s", c.args, got, want)
			}
		}
	}
	update := resttest.Fields{"sha": sha}
	s.RunGit(dir, "push", "--quiet", "origin", "main:other")
	s.Refused(s.Do(http.MethodPatch, s.Path("git/refs/heads/main"), bob, update), http.StatusUnprocessableEntity, `Required status check "lint" is expected.`)
	s.Refused(s.Do(http.MethodPut, s.Path("contents/n.txt"), bob, resttest.Fields{"message": "m", "content": "eA==", "branch": "main"}), http.StatusConflict, `Could not create file: Required status check "lint" is expected.`)
	report(s, sha, "lint", "success")
	s.RunGit(dir, "push", "--quiet", "origin", "main")
	s.RunGit(dir, "reset", "--quiet", "--hard", first)
	if got := push("--force", "main"); !strings.Contains(got, "Cannot force-push to this branch") {
		t.Errorf("a forced push says %s", got)
	}
	s.Refused(s.Do(http.MethodPatch, s.Path("git/refs/heads/main"), s.AliceToken, resttest.Fields{"sha": first, "force": true}), http.StatusUnprocessableEntity, "Cannot force-push to this branch")
	protect(s, with("allow_force_pushes", true))
	s.RunGit(dir, "push", "--quiet", "--force", "origin", "main")
}

func TestRulesOfABranchCount(t *testing.T) {
	for name, c := range map[string]struct {
		rules resttest.Fields
		want  string
	}{
		"locked":       {with("lock_branch", true), "Cannot change this locked branch"},
		"linear":       {with("required_linear_history", true), "This branch must not contain merge commits."},
		"pull request": {with("required_pull_request_reviews", resttest.Fields{"required_approving_review_count": 0}), "Changes must be made through a pull request."},
	} {
		t.Run(name, func(t *testing.T) {
			s := resttest.New(t)
			s.Push(s.Repo, "main", map[string]string{"a": "b"})
			bob := pusher(s)
			protect(s, c.rules)
			dir := t.TempDir()
			s.RunGit(dir, "clone", "--quiet", s.Remote(s.Repo, bob), ".")
			s.RunGit(dir, "commit", "--quiet", "--allow-empty", "-m", "one")
			s.RunGit(dir, "checkout", "--quiet", "-b", "side", "HEAD~1")
			s.RunGit(dir, "commit", "--quiet", "--allow-empty", "-m", "two")
			s.RunGit(dir, "merge", "--quiet", "-m", "both", "main")
			if got := tryGit(t, dir, "push", "origin", "side:main"); !strings.Contains(got, c.want) {
				t.Errorf("the push says %s, want %s", got, c.want)
			}
			protect(s, none())
			s.RunGit(dir, "push", "--quiet", "origin", "side:main")
		})
	}
}

func TestGoGitHubProtectsBranches(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Push(s.Repo, "main", map[string]string{"a": "b"})
		s.Push(s.Repo, "release/1", map[string]string{"a": "c"})
		repos := s.GoGitHub(s.AliceToken).Repositories
		const branch = "release/1"
		if _, _, err := repos.GetBranchProtection(s.Context(), "alice", "hello", branch); err == nil || !strings.Contains(err.Error(), "not protected") {
			s.Errorf("without protection: %v", err)
		}
		p, _, err := repos.UpdateBranchProtection(s.Context(), "alice", "hello", branch, &github.ProtectionRequest{
			RequiredStatusChecks: &github.RequiredStatusChecks{Strict: true, Checks: &[]*github.RequiredStatusCheck{{Context: "lint"}, {Context: "test", AppID: new(int64(15368))}}},
			EnforceAdmins:        true, AllowForcePushes: new(true), RequireLinearHistory: new(true),
		})
		s.Must(err)
		if c := p.GetRequiredStatusChecks(); !c.Strict || len(*c.Checks) != 2 || (*c.Checks)[1].GetAppID() != 15368 || !p.GetEnforceAdmins().Enabled || !p.GetAllowForcePushes().Enabled || !p.GetRequireLinearHistory().Enabled || p.GetAllowDeletions().Enabled {
			s.Errorf("protection %v", p)
		}
		contexts, _, err := repos.ListRequiredStatusChecksContexts(s.Context(), "alice", "hello", branch)
		s.Must(err)
		if strings.Join(contexts, " ") != "lint test" {
			s.Errorf("contexts %v", contexts)
		}
		c, _, err := repos.UpdateRequiredStatusChecks(s.Context(), "alice", "hello", branch, &github.RequiredStatusChecksRequest{Strict: new(false), Contexts: []string{"only"}})
		s.Must(err)
		if c.Strict || len(*c.Contexts) != 1 {
			s.Errorf("required checks %v", c)
		}
		path := s.Path("branches/release%2F1/protection/required_status_checks/contexts")
		for _, do := range []struct{ method, want string }{{http.MethodPost, `["only","more"]`}, {http.MethodDelete, `["only"]`}, {http.MethodPut, `["more"]`}} {
			if got := string(s.Want(s.Do(do.method, path, s.AliceToken, resttest.Fields{"contexts": []string{"more"}}), http.StatusOK).Text); strings.TrimSpace(got) != do.want {
				s.Errorf("%s: %s, want %s", do.method, got, do.want)
			}
		}
		b, _, err := repos.GetBranch(s.Context(), "alice", "hello", branch, 0)
		s.Must(err)
		if !b.GetProtected() {
			s.Errorf("branch %v", b)
		}
		protected, _, err := repos.ListBranches(s.Context(), "alice", "hello", &github.BranchListOptions{Protected: new(true)})
		s.Must(err)
		if len(protected) != 1 || protected[0].GetName() != branch {
			s.Errorf("protected branches %v", protected)
		}
		_, err = repos.RemoveAdminEnforcement(s.Context(), "alice", "hello", branch)
		s.Must(err)
		_, err = repos.RemoveRequiredStatusChecks(s.Context(), "alice", "hello", branch)
		s.Must(err)
		if _, _, err := repos.GetRequiredStatusChecks(s.Context(), "alice", "hello", branch); err == nil {
			s.Error("required checks are still there")
		}
		_, err = repos.RemoveBranchProtection(s.Context(), "alice", "hello", branch)
		s.Must(err)
		s.Refused(s.Get(s.Path("branches/release%2F1/protection")), http.StatusNotFound, "Branch not protected")
		s.Refused(s.Get(s.Path("branches/none/protection")), http.StatusNotFound, "Branch not found")
	})
}

func TestWhatCannotBeEnforcedIsRefusedByItsName(t *testing.T) {
	s := resttest.New(t)
	s.Push(s.Repo, "main", map[string]string{"a": "b"})
	reviews := func(name string, value any) resttest.Fields {
		return with("required_pull_request_reviews", resttest.Fields{"required_approving_review_count": 0, name: value})
	}
	for name, rules := range map[string]resttest.Fields{
		"restrictions":                     with("restrictions", resttest.Fields{"users": []string{}, "teams": []string{}}),
		"block_creations":                  with("block_creations", true),
		"required_conversation_resolution": with("required_conversation_resolution", true),
		"allow_fork_syncing":               with("allow_fork_syncing", true),
		"require_code_owner_reviews":       reviews("require_code_owner_reviews", true),
		"require_last_push_approval":       reviews("require_last_push_approval", true),
		"dismissal_restrictions":           reviews("dismissal_restrictions", resttest.Fields{"users": []string{"alice"}}),
		"bypass_pull_request_allowances":   reviews("bypass_pull_request_allowances", resttest.Fields{"users": []string{"alice"}}),
		"required_approving_review_count":  reviews("required_approving_review_count", 1),
		"context":                          with("required_status_checks", checks("")),
		"enforce_admins":                   {"required_status_checks": nil, "required_pull_request_reviews": nil, "restrictions": nil},
	} {
		a := s.Want(s.Do(http.MethodPut, s.Path("branches/main/protection"), s.AliceToken, rules), http.StatusUnprocessableEntity)
		if !strings.Contains(string(a.Text), name) {
			t.Errorf("%s: %s", name, a.Text)
		}
	}
	s.Want(s.Do(http.MethodPut, s.Path("branches/main/protection"), pusher(s), none()), http.StatusForbidden)
}
