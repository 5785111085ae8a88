package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v75/github"
)

func TestFilesAreRead(t *testing.T) {
	s := newSite(t)
	sha, _ := s.pushed()
	s.push(s.repo, "feature/x", map[string]string{"dir/ä b#c.txt": "umlaut\n"})
	gh := s.goGitHub(s.token)
	for _, c := range []struct{ path, ref, want string }{
		{"README.md", "", "# Hello\n"},
		{"README.md", "main", "# Hello\n"},
		{"README.md", "refs/heads/main", "# Hello\n"},
		{"README.md", sha, "# Hello\n"},
		{".github/workflows/hello.yml", sha, helloWorkflow},
		{"dir/ä b#c.txt", "feature/x", "umlaut\n"},
	} {
		file, _, _, err := gh.Repositories.GetContents(t.Context(), "alice", "hello", c.path, &github.RepositoryContentGetOptions{Ref: c.ref})
		if err != nil {
			t.Errorf("%s at %s: %v", c.path, c.ref, err)
			continue
		}
		if got, err := file.GetContent(); err != nil || got != c.want {
			t.Errorf("%s at %s: got %q, %v", c.path, c.ref, got, err)
		}
		if file.GetSHA() == "" || file.GetPath() != c.path {
			t.Errorf("%s: %v", c.path, file)
		}
	}
	raw := s.want(s.get(s.path("contents/README.md"), "Accept: application/vnd.github.raw+json"), http.StatusOK)
	if got, want := string(raw.text), "# Hello\n"; got != want {
		t.Errorf("raw %q, want %q", got, want)
	}
}

func TestBlobsHaveGitsName(t *testing.T) {
	s := newSite(t)
	s.push(s.repo, "main", map[string]string{"empty": ""})
	if got, want := s.want(s.get(s.path("contents/empty")), http.StatusOK).json(t)["sha"], "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFilesThatCannotBeAreNotFound(t *testing.T) {
	s := newSite(t)
	s.pushed()
	for _, path := range []string{
		"contents/none", "contents/README.md?ref=none", "contents/README.md?ref=--help", "contents/..%2F..%2Fconfig", "contents/%00",
		"contents/.git/config", "contents/README.md?ref=HEAD:README.md", "contents/README.md/x", "contents/", "contents/README.md?ref=..",
	} {
		s.refused(s.get(s.path(path)), http.StatusNotFound, "Not Found")
	}
	s.want(s.do(http.MethodGet, s.path("contents/README.md"), s.newToken(s.account("bob", nil), "repo"), nil), http.StatusNotFound)
}

func TestCommitsBranchesAndRefs(t *testing.T) {
	s := newSite(t)
	sha, _ := s.pushed()
	gh := s.goGitHub(s.token)
	for _, ref := range []string{"main", sha, "heads/main", "HEAD"} {
		c, _, err := gh.Repositories.GetCommit(t.Context(), "alice", "hello", ref, nil)
		s.must(err)
		if c.GetSHA() != sha || c.GetCommit().GetMessage() != "a commit\n\nwith a body" || c.GetCommit().GetAuthor().GetEmail() != "alice@example.com" {
			t.Errorf("%s: %v", ref, c)
		}
	}
	if got := s.want(s.get(s.path("commits/main"), "Accept: application/vnd.github.sha"), http.StatusOK); string(got.text) != sha {
		t.Errorf("sha %s, want %s", got.text, sha)
	}
	b, _, err := gh.Repositories.GetBranch(t.Context(), "alice", "hello", "main", 0)
	s.must(err)
	if b.GetCommit().GetSHA() != sha {
		t.Errorf("branch %v", b)
	}
	r, _, err := gh.Git.GetRef(t.Context(), "alice", "hello", "heads/main")
	s.must(err)
	if r.GetObject().GetSHA() != sha || r.GetRef() != "refs/heads/main" {
		t.Errorf("ref %v", r)
	}
	s.want(s.get(s.path("branches/none")), http.StatusNotFound)
	s.want(s.get(s.path("git/ref/heads/none")), http.StatusNotFound)
	s.want(s.get(s.path("git/ref/main")), http.StatusNotFound)
	a := s.want(s.get(s.path("commits/none")), http.StatusUnprocessableEntity)
	if !strings.Contains(string(a.text), "No commit found for SHA: none") {
		t.Errorf("answer %s", a.text)
	}
}
