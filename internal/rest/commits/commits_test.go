package commits_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestCommitsBranchesAndRefs(t *testing.T) {
	s := resttest.New(t)
	sha, _ := s.Pushed()
	gh := s.GoGitHub(s.AliceToken)
	for _, ref := range []string{"main", sha, "heads/main", "HEAD"} {
		c, _, err := gh.Repositories.GetCommit(t.Context(), "alice", "hello", ref, nil)
		s.Must(err)
		if c.GetSHA() != sha || c.GetCommit().GetMessage() != "a commit\n\nwith a body" || c.GetCommit().GetAuthor().GetEmail() != "mona@example.com" {
			t.Errorf("%s: %v", ref, c)
		}
	}
	if got := s.Want(s.Get(s.Path("commits/main"), "Accept: application/vnd.github.sha"), http.StatusOK); string(got.Text) != sha {
		t.Errorf("sha %s, want %s", got.Text, sha)
	}
	b, _, err := gh.Repositories.GetBranch(t.Context(), "alice", "hello", "main", 0)
	s.Must(err)
	if b.GetCommit().GetSHA() != sha {
		t.Errorf("branch %v", b)
	}
	r, _, err := gh.Git.GetRef(t.Context(), "alice", "hello", "heads/main")
	s.Must(err)
	if r.GetObject().GetSHA() != sha || r.GetRef() != "refs/heads/main" {
		t.Errorf("ref %v", r)
	}
	s.Want(s.Get(s.Path("branches/none")), http.StatusNotFound)
	s.Want(s.Get(s.Path("git/ref/heads/none")), http.StatusNotFound)
	s.Want(s.Get(s.Path("git/ref/main")), http.StatusNotFound)
	a := s.Want(s.Get(s.Path("commits/none")), http.StatusUnprocessableEntity)
	if !strings.Contains(string(a.Text), "No commit found for SHA: none") {
		t.Errorf("answer %s", a.Text)
	}
}
