package contents_test

import (
	"net/http"
	"testing"

	"github.com/google/go-github/v75/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestFilesAreRead(t *testing.T) {
	s := resttest.New(t)
	sha, _ := s.Pushed()
	s.Push(s.Repo, "feature/x", map[string]string{"dir/ä b#c.txt": "umlaut\n"})
	gh := s.GoGitHub(s.AliceToken)
	for _, c := range []struct{ path, ref, want string }{
		{"README.md", "", "# Hello\n"},
		{"README.md", "main", "# Hello\n"},
		{"README.md", "refs/heads/main", "# Hello\n"},
		{"README.md", sha, "# Hello\n"},
		{".github/workflows/hello.yml", sha, resttest.HelloWorkflow},
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
	raw := s.Want(s.Get(s.Path("contents/README.md"), "Accept: application/vnd.github.raw+json"), http.StatusOK)
	if got, want := string(raw.Text), "# Hello\n"; got != want {
		t.Errorf("raw %q, want %q", got, want)
	}
}

func TestBlobsHaveGitsName(t *testing.T) {
	s := resttest.New(t)
	s.Push(s.Repo, "main", map[string]string{"empty": ""})
	if got, want := s.Want(s.Get(s.Path("contents/empty")), http.StatusOK).JSON(t)["sha"], "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFilesThatCannotBeAreNotFound(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	for _, path := range []string{
		"contents/none", "contents/README.md?ref=none", "contents/README.md?ref=--help", "contents/..%2F..%2Fconfig", "contents/%00",
		"contents/.git/config", "contents/README.md?ref=HEAD:README.md", "contents/README.md/x", "contents/", "contents/README.md?ref=..",
	} {
		s.Refused(s.Get(s.Path(path)), http.StatusNotFound, "Not Found")
	}
	s.Want(s.Do(http.MethodGet, s.Path("contents/README.md"), s.Token(s.User("bob"), "repo"), nil), http.StatusNotFound)
}
