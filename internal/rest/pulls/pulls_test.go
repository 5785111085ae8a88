package pulls_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

// started are the activity types of the runs of pull_request in Alice's repository, oldest
// first.
func started(s *resttest.Site) string {
	s.Helper()
	var list []string
	for _, run := range s.Runs(s.Repo) {
		if run.Event == "pull_request" {
			list = append([]string{payload(s, run)["action"].(string)}, list...)
		}
	}
	return strings.Join(list, " ")
}

func payload(s *resttest.Site, run *actions.Run) map[string]any {
	s.Helper()
	src, err := s.Store.RunSource(s.Context(), run.ID)
	s.Must(err)
	var p map[string]any
	s.Must(json.Unmarshal(src.Payload, &p))
	return p
}

func ref(s *resttest.Site, name string) string {
	s.Helper()
	sha, err := s.Git.View(s.Repo.ID).Ref(name)
	s.Must(err)
	return sha
}

func TestAPullRequestStartsRunsAtItsMerge(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		_, main, topic := s.Asked()
		got := s.Answer(s.Get(s.Path("pulls/1")), http.StatusOK)
		head, base := got["head"].(map[string]any), got["base"].(map[string]any)
		if got["state"] != "open" || got["mergeable"] != true || got["mergeable_state"] != "unstable" || got["commits"] != 1.0 || got["additions"] != 1.0 ||
			got["changed_files"] != 1.0 || head["sha"] != topic || head["label"] != "alice:topic" || base["sha"] != main || got["author_association"] != "OWNER" {
			s.Errorf("pull request %v", got)
		}
		runs := s.Runs(s.Repo)
		if len(runs) != 1 {
			s.Fatalf("%d runs", len(runs))
		}
		run, merge := runs[0], ref(s, "refs/pull/1/merge")
		if run.Event != "pull_request" || run.Ref != "refs/pull/1/merge" || run.SHA != merge || run.HeadSHA != topic || run.HeadBranch != "topic" || run.Title != "A change" || run.FromFork {
			s.Errorf("run %+v", run)
		}
		if got["merge_commit_sha"] != merge || ref(s, "refs/pull/1/head") != topic {
			s.Errorf("merge %s, head %s: %v", merge, ref(s, "refs/pull/1/head"), got)
		}
		p := payload(s, run)
		if p["action"] != "opened" || p["number"] != 1.0 || p["pull_request"].(map[string]any)["title"] != "A change" {
			s.Errorf("payload %v", p)
		}
		list := s.Answer(s.Get(s.Path("actions/runs?event=pull_request&branch=topic&head_sha="+topic)), http.StatusOK)
		if list["total_count"] != 1.0 {
			s.Errorf("runs %v", list)
		}
		for path, n := range map[string]int{"actions/runs": 1, "actions/runs?exclude_pull_requests=true": 0} {
			of := s.Answer(s.Get(s.Path(path)), http.StatusOK)["workflow_runs"].([]any)[0].(map[string]any)["pull_requests"].([]any)
			if len(of) != n || n > 0 && (of[0].(map[string]any)["number"] != 1.0 || of[0].(map[string]any)["head"].(map[string]any)["ref"] != "topic") {
				s.Errorf("%s: pull requests %v", path, of)
			}
		}
		if of := s.Answer(s.Get(s.Path("actions/runs", run.ID)), http.StatusOK)["pull_requests"].([]any); len(of) != 1 {
			s.Errorf("pull requests of the run: %v", of)
		}
		var all []map[string]any
		for path, n := range map[string]int{"pulls": 1, "pulls?state=closed": 0, "pulls?head=alice:topic": 1, "pulls?head=alice:other": 0, "pulls?head=nobody:topic": 0, "pulls?base=main&sort=updated&direction=asc": 1, "pulls?base=x&state=all": 0, "pulls/1/commits": 1, "pulls/1/files": 1} {
			s.Want(s.Get(s.Path(path)), http.StatusOK).Into(s, &all)
			if len(all) != n {
				s.Errorf("%s: %d, want %d", path, len(all), n)
			}
		}
		s.Want(s.Get(s.Path("pulls/2")), http.StatusNotFound)
		s.Want(s.Get(s.Path("pulls/1/merge")), http.StatusNotFound)
	})
}

func TestAPushToTheHeadIsAnEvent(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		tree, main, topic := s.Asked()
		next := tree.Commit("topic", topic, "more", map[string]string{"b": "b\n"})
		if got := started(s); got != "opened synchronize" {
			s.Errorf("runs of %s", got)
		}
		run := s.Runs(s.Repo)[0]
		if p := payload(s, run); p["before"] != topic || p["after"] != next || run.HeadSHA != next || ref(s, "refs/pull/1/head") != next {
			s.Errorf("payload %v of %+v", p, run)
		}
		conflict := tree.Commit("topic", main, "another [skip ci]", map[string]string{"a": "X\n"})
		if got := started(s); got != "opened synchronize" || ref(s, "refs/pull/1/head") != conflict {
			s.Errorf("a skipped commit: runs of %s", got)
		}
		later := tree.Commit("main", main, "main", map[string]string{"a": "Y\n"})
		if got := s.Answer(s.Get(s.Path("pulls/1")), http.StatusOK); got["mergeable"] != false || got["mergeable_state"] != "dirty" || got["merge_commit_sha"] != nil {
			s.Errorf("conflict: %v", got)
		}
		tree.Commit("topic", conflict, "more conflicts", map[string]string{"c": "c\n"})
		if got := started(s); got != "opened synchronize" {
			s.Errorf("conflicts: runs of %s", got)
		}
		s.Refused(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, nil), http.StatusMethodNotAllowed, "Pull Request is not mergeable")
		tree.Commit("topic", later, "no conflict", map[string]string{"d": "d\n"})
		if got := started(s); got != "opened synchronize synchronize" {
			s.Errorf("no more conflicts: runs of %s", got)
		}
		tree.Git("push", "-q", "origin", ":topic")
		got := s.Answer(s.Get(s.Path("pulls/1")), http.StatusOK)
		if got["state"] != "closed" || got["merged"] != false || started(s) != "opened synchronize synchronize closed" || ref(s, "refs/pull/1/head") == "" {
			s.Errorf("branch deleted: %v, runs of %s", got, started(s))
		}
		s.Want(s.Do(http.MethodPatch, s.Path("pulls/1"), s.AliceToken, resttest.Fields{"state": "open"}), http.StatusUnprocessableEntity)
	})
}

func TestPullRequestsAreChanged(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		tree, main, _ := s.Asked()
		patch := func(body resttest.Fields) map[string]any {
			s.Helper()
			return s.Answer(s.Do(http.MethodPatch, s.Path("pulls/1"), s.AliceToken, body), http.StatusOK)
		}
		if got := patch(resttest.Fields{"title": "B", "body": nil}); got["title"] != "B" || got["body"] != "please" {
			s.Errorf("%v", got)
		}
		if p := payload(s, s.Runs(s.Repo)[0]); p["changes"].(map[string]any)["title"].(map[string]any)["from"] != "A change" {
			s.Errorf("payload %v", p["changes"])
		}
		tree.Push(main, "other")
		if got := patch(resttest.Fields{"base": "other"}); got["base"].(map[string]any)["ref"] != "other" || got["mergeable"] != true {
			s.Errorf("%v", got)
		}
		if got := patch(resttest.Fields{"state": "closed"}); got["state"] != "closed" || got["closed_at"] == nil {
			s.Errorf("%v", got)
		}
		if got := patch(resttest.Fields{"state": "open"}); got["state"] != "open" || got["closed_at"] != nil {
			s.Errorf("%v", got)
		}
		if got := started(s); got != "opened edited edited closed reopened" {
			s.Errorf("runs of %s", got)
		}
		for name, body := range map[string]resttest.Fields{
			"no branch": {"base": "none"}, "no title": {"title": " "}, "long title": {"title": strings.Repeat("a", 257)}, "state": {"state": "merged"}, "itself": {"base": "topic"},
		} {
			if a := s.Do(http.MethodPatch, s.Path("pulls/1"), s.AliceToken, body); a.StatusCode != http.StatusUnprocessableEntity {
				s.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
			}
		}
		s.Want(s.Do(http.MethodPatch, s.Path("pulls/1"), s.Token(s.User("bob"), "repo"), resttest.Fields{"title": "x"}), http.StatusNotFound)
	})
}

func TestPullRequestsThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	tree, main, topic := s.Asked()
	tree.Git("checkout", "-q", "--orphan", "alone")
	tree.Commit("alone", "", "alone", map[string]string{"z": "z"})
	tree.Push(main, "same")
	for _, c := range []struct {
		body resttest.Fields
		want string
	}{
		{resttest.Fields{"title": "x", "head": "topic", "base": "main"}, "A pull request already exists for alice:topic."},
		{resttest.Fields{"title": "x", "head": "same", "base": "main"}, "No commits between main and same"},
		{resttest.Fields{"title": "x", "head": "main", "base": "main"}, "No commits between main and main"},
		{resttest.Fields{"title": "x", "head": "alone", "base": "main"}, "The alone branch has no history in common with main"},
		{resttest.Fields{"title": "x", "head": "none", "base": "main"}, `"code":"invalid","field":"head"`},
		{resttest.Fields{"title": "x", "head": "-x", "base": "main"}, `"code":"invalid","field":"head"`},
		{resttest.Fields{"title": "x", "head": topic, "base": "main"}, `"code":"invalid","field":"head"`},
		{resttest.Fields{"title": "x", "head": "../x", "base": "main"}, `"code":"invalid","field":"head"`},
		{resttest.Fields{"title": "x", "head": "nobody:topic", "base": "main"}, `"code":"invalid","field":"head"`},
		{resttest.Fields{"title": "x", "head": "topic", "base": "none"}, `"code":"invalid","field":"base"`},
		{resttest.Fields{"title": "x", "head": "topic"}, `"code":"missing_field","field":"base"`},
		{resttest.Fields{"title": "x", "base": "main"}, `"code":"missing_field","field":"head"`},
		{resttest.Fields{"head": "topic", "base": "same"}, `"code":"missing_field","field":"title"`},
	} {
		a := s.Want(s.Do(http.MethodPost, s.Path("pulls"), s.AliceToken, c.body), http.StatusUnprocessableEntity)
		if !strings.Contains(string(a.Text), c.want) {
			t.Errorf("%v: %s, want %s", c.body, a.Text, c.want)
		}
	}
	s.Want(s.Do(http.MethodPost, s.Path("pulls"), s.JobToken(s.Repo, map[string]string{"pull-requests": "read", "contents": "write"}), resttest.Fields{"title": "x", "head": "topic", "base": "same"}), http.StatusForbidden)
}

func TestPullRequestsAreMerged(t *testing.T) {
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			resttest.Each(t, func(s *resttest.Site) {
				tree, main, topic := s.Asked()
				later := tree.Commit("main", main, "main", map[string]string{"m": "m\n"})
				merge := func(body resttest.Fields) map[string]any {
					s.Helper()
					return s.Answer(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, body), http.StatusOK)
				}
				s.Refused(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, resttest.Fields{"merge_method": method, "sha": main}), http.StatusConflict, "Head branch was modified. Review and try the merge again.")
				got := merge(resttest.Fields{"merge_method": method, "sha": topic})
				tip := ref(s, "refs/heads/main")
				c, err := s.Git.View(s.Repo.ID).Commit(s.Context(), tip)
				s.Must(err)
				want := map[string]string{"merge": "Merge pull request #1 from alice/topic\n\nA change", "squash": "change a (#1)\n\nfor a reason", "rebase": "change a\n\nfor a reason"}[method]
				parents := map[string]string{"merge": later + " " + topic, "squash": later, "rebase": later}[method]
				if got["sha"] != tip || got["merged"] != true || c.Message != want || strings.Join(c.Parents, " ") != parents {
					s.Errorf("%v: %q with parents %v", got, c.Message, c.Parents)
				}
				v := s.Answer(s.Get(s.Path("pulls/1")), http.StatusOK)
				if v["state"] != "closed" || v["merged"] != true || v["merge_commit_sha"] != tip || v["merged_by"].(map[string]any)["login"] != "alice" {
					s.Errorf("merged %v", v)
				}
				s.Want(s.Get(s.Path("pulls/1/merge")), http.StatusNoContent)
				s.Refused(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, nil), http.StatusMethodNotAllowed, "Pull Request is not mergeable")
				if started(s) != "opened closed" {
					s.Fatalf("runs of %s", started(s))
				}
				if run := s.Runs(s.Repo)[0]; run.Ref != "refs/heads/main" || run.SHA != tip || run.HeadSHA != topic {
					s.Errorf("run of the merge %+v", run)
				}
				s.Want(s.Do(http.MethodPatch, s.Path("pulls/1"), s.AliceToken, resttest.Fields{"state": "open"}), http.StatusUnprocessableEntity)
			})
		})
	}
}

func TestMethodsAreAsTheRepositoryAllows(t *testing.T) {
	s := resttest.New(t)
	s.Asked()
	s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"allow_squash_merge": false, "delete_branch_on_merge": true}), http.StatusOK)
	s.Refused(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, resttest.Fields{"merge_method": "squash"}), http.StatusMethodNotAllowed, "Squash merges are not allowed on this repository.")
	s.Want(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, resttest.Fields{"merge_method": "octopus"}), http.StatusUnprocessableEntity)
	s.Want(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.JobToken(s.Repo, map[string]string{"contents": "read", "pull-requests": "write"}), nil), http.StatusForbidden)
	s.Answer(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, resttest.Fields{"commit_title": "T", "commit_message": "M"}), http.StatusOK)
	if c, err := s.Git.View(s.Repo.ID).Commit(t.Context(), ref(s, "refs/heads/main")); err != nil || c.Message != "T\n\nM" {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := s.Git.View(s.Repo.ID).Ref("refs/heads/topic"); actions.KindOf(err) != actions.NotFound {
		t.Errorf("the branch is there: %v", err)
	}
}

// A branch that has the commits of a pull request has merged it, whoever pushed them.
func TestAPushOfTheHeadIntoTheBaseMerges(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		tree, _, topic := s.Asked()
		tree.Push(topic, "main")
		if v := s.Answer(s.Get(s.Path("pulls/1")), http.StatusOK); v["merged"] != true || v["merge_commit_sha"] != topic || started(s) != "opened closed" {
			s.Errorf("%v, runs of %s", v, started(s))
		}
	})
}
