package pulls_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

const targetWorkflow = "name: Target\non: pull_request_target\njobs: {label: {runs-on: ubuntu-latest, steps: [{run: label}]}}\n"

// forked is a public repository of Alice and a fork of Bob with a branch topic.
func forked(s *resttest.Site) (fork *actions.Repository, bob, topic string) {
	s.Helper()
	s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"private": false}), http.StatusOK)
	tree := s.Tree(s.Repo, s.AliceToken)
	main := tree.Commit("main", "", "first", map[string]string{".github/workflows/pull.yml": resttest.PullWorkflow, ".github/workflows/target.yml": targetWorkflow, "a": "a\n"})
	tree.Push(main, "other")
	bob = s.Token(s.User("bob"), "repo", "workflow")
	made := s.Answer(s.Do(http.MethodPost, s.Path("forks"), bob, nil), http.StatusAccepted)
	if made["full_name"] != "bob/hello" || made["fork"] != true || made["parent"].(map[string]any)["full_name"] != "alice/hello" || made["source"].(map[string]any)["full_name"] != "alice/hello" {
		s.Fatalf("fork %v", made)
	}
	fork, err := s.Store.RepositoryByName(s.Context(), "bob", "hello")
	s.Must(err)
	mine := s.Tree(fork, bob)
	mine.Git("fetch", "-q", "origin")
	topic = mine.Commit("topic", main, "from a fork", map[string]string{".github/workflows/new.yml": strings.ReplaceAll(resttest.PullWorkflow, "Pull", "New"), "b": "b\n"})
	if n := len(s.Runs(fork)); n > 0 {
		s.Errorf("a fork has %d runs, though nobody has enabled Actions there", n)
	}
	return fork, bob, topic
}

func TestARepositoryIsForkedOnce(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		fork, bob, _ := forked(s)
		again := s.Answer(s.Do(http.MethodPost, s.Path("forks"), bob, resttest.Fields{"name": "another"}), http.StatusAccepted)
		if again["id"] != float64(fork.ID) {
			s.Errorf("a second fork: %v", again["full_name"])
		}
		var list []map[string]any
		s.Want(s.Get(s.Path("forks")), http.StatusOK).Into(s, &list)
		if len(list) != 1 || list[0]["full_name"] != "bob/hello" || s.Get(s.Path()).JSON(s)["forks_count"] != 1.0 {
			s.Errorf("forks %v", list)
		}
		s.Refused(s.Do(http.MethodPost, s.Path("forks"), s.AliceToken, nil), http.StatusForbidden, "You cannot fork your own repository.")
		s.Want(s.Do(http.MethodPost, s.Path("forks"), s.JobToken(s.Repo, map[string]string{"contents": "write"}), nil), http.StatusForbidden)
		s.Want(s.Do(http.MethodPost, s.Path("forks"), bob, resttest.Fields{"organization": "alice"}), http.StatusUnprocessableEntity)
		guild := s.Organization("guild", s.Alice)
		s.Want(s.Do(http.MethodPost, s.Path("forks"), bob, resttest.Fields{"organization": guild.Login}), http.StatusForbidden)
		s.Want(s.Do(http.MethodPost, s.Path("forks"), s.Token(s.Alice, "repo", "admin:org"), resttest.Fields{"organization": guild.Login, "name": "ours", "default_branch_only": true}), http.StatusAccepted)
		ours, err := s.Store.RepositoryByName(s.Context(), "guild", "ours")
		s.Must(err)
		if refs, err := s.Git.View(ours.ID).Refs(s.Context(), "refs/"); err != nil || len(refs) != 1 {
			s.Errorf("refs of a fork with its default branch: %v, %v", refs, err)
		}
		s.Want(s.Do(http.MethodDelete, s.Path(), s.Token(s.Alice, "repo", "delete_repo"), nil), http.StatusNoContent)
		if got := s.Answer(s.Do(http.MethodGet, "/repos/bob/hello", bob, nil), http.StatusOK); got["fork"] != true || got["parent"] != nil {
			s.Errorf("without its parent: %v", got)
		}
		tree := s.Tree(fork, bob)
		tree.Git("fetch", "-q", "origin", "topic")
	})
}

// The end-to-end threat: a fork changes the workflow and asks for it to be run.
func TestRunsOfAForkAreRestricted(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		fork, bob, topic := forked(s)
		made := s.Answer(s.Do(http.MethodPost, s.Path("pulls"), bob, resttest.Fields{"title": "From a fork", "head": "bob:topic", "base": "main"}), http.StatusCreated)
		if made["author_association"] != "NONE" || made["head"].(map[string]any)["label"] != "bob:topic" || made["mergeable"] != true {
			s.Errorf("pull request %v", made)
		}
		byEvent := map[string][]*actions.Run{}
		for _, run := range s.Runs(s.Repo) {
			byEvent[run.Event] = append(byEvent[run.Event], run)
		}
		if len(byEvent["pull_request"]) != 2 || len(byEvent["pull_request_target"]) != 1 {
			s.Fatalf("runs %v", byEvent)
		}
		for _, run := range byEvent["pull_request"] {
			if run.Conclusion != actions.ActionRequired {
				s.Errorf("nobody has approved a run, and it is %s %s", run.Status, run.Conclusion)
			}
			if !run.FromFork || run.HeadRepoID != fork.ID || !run.Restricted() || run.HeadSHA != topic || run.Actor.Login != "bob" {
				s.Errorf("run %+v", run)
			}
		}
		if run := byEvent["pull_request_target"][0]; run.Restricted() || run.Ref != "refs/heads/main" || run.SHA != ref(s, "refs/heads/main") || run.HeadSHA != topic || run.HeadBranch != "topic" {
			s.Errorf("run of the target %+v", run)
		}
		s.Refused(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.Token(s.Alice, "repo"), nil), http.StatusForbidden,
			"refusing to allow a Personal Access Token to create or update workflow `.github/workflows/new.yml` without `workflow` scope")
		s.Want(s.Do(http.MethodPut, s.Path("pulls/1/merge"), bob, nil), http.StatusForbidden)
		tree := s.Tree(fork, bob)
		tree.Git("fetch", "-q", "origin", "topic")
		next := tree.Commit("topic", topic, "more", map[string]string{"c": "c\n"})
		if v := s.Answer(s.Get(s.Path("pulls/1")), http.StatusOK); v["head"].(map[string]any)["sha"] != next || ref(s, "refs/pull/1/head") != next {
			s.Errorf("after a push to the fork: %v", v["head"])
		}
		s.Want(s.Do(http.MethodDelete, "/repos/bob/hello", s.Token(&actions.Account{ID: fork.Owner.ID}, "repo", "delete_repo"), nil), http.StatusNoContent)
		if v := s.Answer(s.Get(s.Path("pulls/1")), http.StatusOK); v["state"] != "open" || v["head"].(map[string]any)["repo"] != nil || v["mergeable"] != true {
			s.Errorf("without the fork: %v", v)
		}
		s.Want(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, nil), http.StatusOK)
		runs, _, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: s.Repo.ID, HeadSHA: next}, store.Page{Number: 1, Size: 10})
		s.Must(err)
		for _, run := range runs {
			if run.HeadRepoID != 0 {
				s.Errorf("a run knows the fork that is gone: %+v", run)
			}
		}
	})
}

// An approval is for one commit: what the fork pushes later waits again.
func TestRunsOfNewcomersWaitForApproval(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		fork, bob, topic := forked(s)
		s.Want(s.Do(http.MethodPost, s.Path("pulls"), bob, resttest.Fields{"title": "From a fork", "head": "bob:topic", "base": "main"}), http.StatusCreated)
		waiting := func() *actions.Run {
			s.Helper()
			for _, run := range s.Runs(s.Repo) {
				if run.Event == "pull_request" {
					return run
				}
			}
			s.Fatal("no run")
			return nil
		}
		run := waiting()
		got := s.Answer(s.Get(s.Path("actions/runs", run.ID)), http.StatusOK)
		if got["status"] != "completed" || got["conclusion"] != "action_required" || got["head_sha"] != topic {
			s.Errorf("run %v %v", got["status"], got["conclusion"])
		}
		approve := s.Path("actions/runs", run.ID, "approve")
		s.Want(s.Do(http.MethodPost, approve, bob, nil), http.StatusForbidden)
		s.Want(s.Do(http.MethodPost, approve, s.JobToken(s.Repo, map[string]string{"actions": "write"}), nil), http.StatusForbidden)
		s.Want(s.Do(http.MethodPost, s.Path("actions/runs", run.ID, "rerun"), s.AliceToken, nil), http.StatusForbidden)
		s.Want(s.Do(http.MethodPost, approve, s.AliceToken, nil), http.StatusCreated)
		if got := s.Answer(s.Get(s.Path("actions/runs", run.ID, "jobs")), http.StatusOK); got["total_count"] != 1.0 || got["jobs"].([]any)[0].(map[string]any)["status"] != "queued" {
			s.Errorf("approved: jobs %v", got)
		}
		s.Want(s.Do(http.MethodPost, approve, s.AliceToken, nil), http.StatusForbidden)
		tree := s.Tree(fork, bob)
		tree.Git("fetch", "-q", "origin", "topic")
		next := tree.Commit("topic", topic, "worse", map[string]string{"c": "c\n"})
		if run := waiting(); run.HeadSHA != next || run.Conclusion != actions.ActionRequired {
			s.Errorf("the next commit: %+v", run)
		}
		s.Want(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, nil), http.StatusOK) // now he is known
		other := tree.Commit("again", next, "again", map[string]string{"d": "d\n"})
		s.Want(s.Do(http.MethodPost, s.Path("pulls"), bob, resttest.Fields{"title": "Another", "head": "bob:again", "base": "main"}), http.StatusCreated)
		if run := waiting(); run.HeadSHA != other || run.Status != actions.Queued {
			s.Errorf("of a contributor: %+v", run)
		}
		s.Want(s.Do(http.MethodPut, s.Path("actions/permissions/fork-pr-contributor-approval"), s.AliceToken, resttest.Fields{"approval_policy": "all_external_contributors"}), http.StatusNoContent)
		last := tree.Commit("again", other, "last", map[string]string{"e": "e\n"})
		if run := waiting(); run.HeadSHA != last || run.Conclusion != actions.ActionRequired {
			s.Errorf("of an outsider: %+v", run)
		}
	})
}

func TestForksOfPrivateRepositoriesRunNothingUnlessThatIsAllowed(t *testing.T) {
	s := resttest.New(t)
	fork, bob, _ := forked(s)
	s.Must(s.Store.SetCollaborator(t.Context(), s.Repo.ID, fork.Owner.ID, actions.Read))
	s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"private": true}), http.StatusOK)
	count := func() (n int) {
		for _, run := range s.Runs(s.Repo) {
			if run.Event == "pull_request" {
				n++
			}
		}
		return n
	}
	ask := func(base string) {
		t.Helper()
		s.Want(s.Do(http.MethodPost, s.Path("pulls"), bob, resttest.Fields{"title": "From a fork", "head": "bob:topic", "base": base}), http.StatusCreated)
	}
	ask("main")
	if n := count(); n != 0 {
		t.Errorf("%d runs", n)
	}
	policy := s.Path("actions/permissions/fork-pr-workflows-private-repos")
	s.Want(s.Do(http.MethodPut, policy, s.AliceToken, resttest.Fields{"send_secrets_and_variables": true}), http.StatusUnprocessableEntity)
	s.Want(s.Do(http.MethodPut, policy, s.AliceToken, resttest.Fields{"run_workflows_from_fork_pull_requests": true}), http.StatusNoContent)
	if got := s.Answer(s.Get(policy), http.StatusOK); got["run_workflows_from_fork_pull_requests"] != true || got["send_secrets_and_variables"] != false {
		t.Errorf("policy %v", got)
	}
	ask("other")
	if n := count(); n != 2 || s.Runs(s.Repo)[0].Conclusion == actions.ActionRequired {
		t.Errorf("%d runs", n)
	}
}
