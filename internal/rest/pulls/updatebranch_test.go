package pulls_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestAPullRequestGetsWhatIsNewInItsBase(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		tree, main, topic := s.Asked()
		update := s.Path("pulls/1/update-branch")
		s.Refused(s.Do(http.MethodPut, update, s.AliceToken, nil), http.StatusUnprocessableEntity, "There are no new commits on the base branch.")
		later := tree.Commit("main", main, "main", map[string]string{"m": "m\n"})
		s.Refused(s.Do(http.MethodPut, update, s.AliceToken, resttest.Fields{"expected_head_sha": main}), http.StatusUnprocessableEntity, "expected head sha didn’t match current head ref.")
		bob := s.User("bob")
		s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, bob.ID, actions.Read))
		s.Want(s.Do(http.MethodPut, update, s.Token(bob, "repo"), nil), http.StatusForbidden)
		got := s.Answer(s.Do(http.MethodPut, update, s.AliceToken, resttest.Fields{"expected_head_sha": topic}), http.StatusAccepted)
		if got["message"] != "Updating pull request branch." {
			s.Errorf("%v", got)
		}
		tip := ref(s, "refs/heads/topic")
		c, err := s.Git.View(s.Repo.ID).Commit(s.Context(), tip)
		s.Must(err)
		if strings.Join(c.Parents, " ") != topic+" "+later || c.Message != "Merge branch 'main' into topic" || c.Author.Name != "alice" {
			s.Errorf("commit %+v", c)
		}
		if v := s.Answer(s.Get(s.Path("pulls/1")), http.StatusOK); v["head"].(map[string]any)["sha"] != tip || started(s) != "opened synchronize" {
			s.Errorf("head %v, runs of %s", v["head"], started(s))
		}
		tree.Commit("main", later, "conflict", map[string]string{"a": "no\n"})
		s.Refused(s.Do(http.MethodPut, update, s.AliceToken, nil), http.StatusUnprocessableEntity, "merge conflict between base and head")
		s.Answer(s.Do(http.MethodPatch, s.Path("pulls/1"), s.AliceToken, resttest.Fields{"state": "closed"}), http.StatusOK)
		s.Want(s.Do(http.MethodPut, update, s.AliceToken, nil), http.StatusUnprocessableEntity)
	})
}

// Who has made a pull request from a fork may update it, though they cannot push to its base.
func TestTheBranchOfAForkGetsWhatIsNewInTheBase(t *testing.T) {
	s := resttest.New(t)
	fork, bob, topic := forked(s)
	s.Want(s.Do(http.MethodPost, s.Path("pulls"), bob, resttest.Fields{"title": "From a fork", "head": "bob:topic", "base": "main"}), http.StatusCreated)
	later := s.Tree(s.Repo, s.AliceToken)
	later.Git("fetch", "-q", "origin", "main")
	sha := later.Commit("main", ref(s, "refs/heads/main"), "main", map[string]string{"m": "m\n"})
	update := s.Path("pulls/1/update-branch")
	s.Want(s.Do(http.MethodPut, update, s.Token(s.Alice, "repo", "workflow"), nil), http.StatusForbidden) // the branch is Bob's
	s.Answer(s.Do(http.MethodPut, update, bob, nil), http.StatusAccepted)
	tip, err := s.Git.View(fork.ID).Ref("refs/heads/topic")
	s.Must(err)
	c, err := s.Git.View(fork.ID).Commit(t.Context(), tip)
	s.Must(err)
	if strings.Join(c.Parents, " ") != topic+" "+sha || ref(s, "refs/pull/1/head") != tip {
		t.Errorf("commit %+v, head %s", c, ref(s, "refs/pull/1/head"))
	}
}
