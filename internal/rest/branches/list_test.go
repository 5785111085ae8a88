package branches_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestBranchesAreListedByName(t *testing.T) {
	s := resttest.New(t)
	main := s.Push(s.Repo, "main", map[string]string{"a": "b"})
	for _, branch := range []string{"feature/ö", "b", "a"} {
		s.Push(s.Repo, branch, map[string]string{"a": branch})
	}
	gh := s.GoGitHub(s.AliceToken)
	var names []string
	for page := 1; page != 0; {
		list, resp, err := gh.Repositories.ListBranches(t.Context(), "alice", "hello", &github.BranchListOptions{ListOptions: github.ListOptions{PerPage: 3, Page: page}})
		s.Must(err)
		for _, b := range list {
			names = append(names, b.GetName())
			if b.GetName() == "main" && b.GetCommit().GetSHA() != main {
				t.Errorf("main is at %s, want %s", b.GetCommit().GetSHA(), main)
			}
		}
		page = resp.NextPage
	}
	if want := []string{"a", "b", "feature/ö", "main"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if got := string(s.Want(s.Get(s.Path("branches?protected=true")), http.StatusOK).Text); got != "[]" {
		t.Errorf("protected branches %s, want none", got)
	}
	empty := s.Repository(s.Alice, "empty", true)
	if got := string(s.Want(s.Get("/repos/alice/"+empty.Name+"/branches"), http.StatusOK).Text); got != "[]" {
		t.Errorf("branches of an empty repository: %s", got)
	}
}
