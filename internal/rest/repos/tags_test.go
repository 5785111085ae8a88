package repos_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestTagsAreListedWithTheirCommitsTheLastNameFirst(t *testing.T) {
	s := resttest.New(t)
	sha := s.Push(s.Repo, "main", map[string]string{"a": "b"})
	dir := t.TempDir()
	s.RunGit(dir, "clone", "--quiet", s.Remote(s.Repo, s.AliceToken), ".")
	s.RunGit(dir, "tag", "v1")
	s.RunGit(dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "tag", "--annotate", "--message=two", "v2")
	s.RunGit(dir, "tag", "of-a-tree", "HEAD^{tree}")
	s.RunGit(dir, "push", "--quiet", "origin", "--tags")
	list, _, err := s.GoGitHub(s.AliceToken).Repositories.ListTags(t.Context(), "alice", "hello", &github.ListOptions{PerPage: 10})
	s.Must(err)
	var names []string
	for _, tag := range list {
		names = append(names, tag.GetName())
		if tag.GetCommit().GetSHA() != sha {
			t.Errorf("%s is at %s, want %s", tag.GetName(), tag.GetCommit().GetSHA(), sha)
		}
		s.Want(s.Get(tag.GetTarballURL()), http.StatusFound)
	}
	if want := []string{"v2", "v1"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}
