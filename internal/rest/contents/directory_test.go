package contents_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestDirectoriesAreListed(t *testing.T) {
	s := resttest.New(t)
	sha, _ := s.Pushed()
	s.Push(s.Repo, "feature/x", map[string]string{"dir/ä b.txt": "umlaut\n", "dir/sub/two": "2", "one": "1"})
	gh := s.GoGitHub(s.AliceToken)
	list := func(path, ref string) (names []string) {
		t.Helper()
		_, entries, _, err := gh.Repositories.GetContents(t.Context(), "alice", "hello", path, &github.RepositoryContentGetOptions{Ref: ref})
		s.Must(err)
		for _, e := range entries {
			names = append(names, fmt.Sprint(e.GetType(), " ", e.GetPath(), " ", e.GetSize()))
		}
		return names
	}
	for _, c := range []struct{ path, ref, want string }{
		{"", "feature/x", "[dir dir 0 file one 1]"},
		{"dir", "feature/x", "[dir dir/sub 0 file dir/ä b.txt 7]"},
		{"dir/sub", "feature/x", "[file dir/sub/two 1]"},
		{".github", sha, "[dir .github/workflows 0]"},
	} {
		if got := fmt.Sprint(list(c.path, c.ref)); got != c.want {
			t.Errorf("%s at %s: %s, want %s", c.path, c.ref, got, c.want)
		}
	}
	for _, path := range []string{"contents?ref=feature/x", "contents/?ref=feature/x"} {
		if got := s.Want(s.Get(s.Path(path)), http.StatusOK); got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: %v", path, got.Header)
		}
	}
	s.Want(s.Get(s.Path("contents/none?ref=feature/x")), http.StatusNotFound)
	s.Want(s.Get(s.Path("contents/one/none?ref=feature/x")), http.StatusNotFound)
}

func TestADirectoryIsAnObjectForWhoWantsOne(t *testing.T) {
	s := resttest.New(t)
	s.Push(s.Repo, "main", map[string]string{"dir/one": "1"})
	got := s.Want(s.Get(s.Path("contents/dir"), "Accept: application/vnd.github.object+json"), http.StatusOK).JSON(t)
	entries, _ := got["entries"].([]any)
	if got["type"] != "dir" || got["name"] != "dir" || got["sha"] == "" || len(entries) != 1 {
		t.Errorf("%v", got)
	}
	links := entries[0].(map[string]any)["_links"].(map[string]any)
	file := s.Want(s.Get(links["self"].(string)), http.StatusOK).JSON(t)
	if file["path"] != "dir/one" || file["content"] != "MQ==\n" {
		t.Errorf("the entry leads to %v", file)
	}
}

// Threat: a directory of a million names.
func TestAThousandEntriesAreListed(t *testing.T) {
	s := resttest.New(t)
	files := map[string]string{}
	for i := range 1100 {
		files[fmt.Sprintf("many/%04d", i)] = "x"
	}
	s.Push(s.Repo, "main", files)
	_, entries, _, err := s.GoGitHub(s.AliceToken).Repositories.GetContents(t.Context(), "alice", "hello", "many", nil)
	s.Must(err)
	if len(entries) != 1000 || entries[999].GetName() != "0999" {
		t.Errorf("%d entries", len(entries))
	}
}
