package commits_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestACommitTellsWhatItHasChanged(t *testing.T) {
	s := resttest.New(t)
	first, _ := s.Pushed()
	gh := s.GoGitHub(s.AliceToken)
	const name = "a b/ä.txt"
	made, _, err := gh.Repositories.CreateFile(t.Context(), "alice", "hello", name, &github.RepositoryContentFileOptions{Message: new("make"), Content: []byte("one\ntwo\n")})
	s.Must(err)
	removed, _, err := gh.Repositories.DeleteFile(t.Context(), "alice", "hello", name, &github.RepositoryContentFileOptions{Message: new("remove"), SHA: made.Content.SHA})
	s.Must(err)
	for _, c := range []struct {
		sha, at, want string
		stats         [3]int
	}{
		{made.GetSHA(), made.GetSHA(), "added +2 -0 2 @@ -0,0 +1,2 @@\n+one\n+two", [3]int{2, 0, 2}},
		{removed.GetSHA(), made.GetSHA(), "removed +0 -2 2 @@ -1,2 +0,0 @@\n-one\n-two", [3]int{0, 2, 2}}, // it is in the commit before
	} {
		got, _, err := gh.Repositories.GetCommit(t.Context(), "alice", "hello", c.sha, nil)
		s.Must(err)
		if stats := got.GetStats(); len(got.Files) != 1 || [3]int{stats.GetAdditions(), stats.GetDeletions(), stats.GetTotal()} != c.stats {
			t.Fatalf("%v, %v", got.Files, stats)
		}
		f := got.Files[0]
		if said := fmt.Sprintf("%s +%d -%d %d %s", f.GetStatus(), f.GetAdditions(), f.GetDeletions(), f.GetChanges(), f.GetPatch()); f.GetFilename() != name || said != c.want {
			t.Errorf("%s: %s, want %s", f.GetFilename(), said, c.want)
		}
		_, path, _ := strings.Cut(f.GetContentsURL(), "/api/v3")
		content := s.Want(s.Get(path), http.StatusOK).JSON(s)
		if !strings.HasSuffix(path, "?ref="+c.at) || content["sha"] != f.GetSHA() || content["html_url"] != f.GetBlobURL() {
			t.Errorf("%s leads to %v; the file is shown at %s", path, content, f.GetBlobURL())
		}
	}
	got, _, err := gh.Repositories.GetCommit(t.Context(), "alice", "hello", first, nil)
	s.Must(err)
	if len(got.Files) != 2 || got.Files[1].GetFilename() != "README.md" || got.Files[1].GetStatus() != "added" {
		t.Errorf("the first commit has %v", got.Files)
	}
}

func TestFilesOfACommitComeInPages(t *testing.T) {
	s := resttest.New(t)
	files := make(map[string]string)
	for i := range 310 {
		files[fmt.Sprintf("many/%03d", i)] = "one\n"
	}
	sha := s.Push(s.Repo, "main", files)
	gh := s.GoGitHub(s.AliceToken)
	for _, c := range []struct{ number, size, files, next int }{
		{0, 0, 300, 2}, {2, 0, 10, 0}, {1, 100, 100, 2}, {4, 100, 10, 0}, {1, 1000, 300, 2}, {5, 100, 0, 0},
	} {
		got, a, err := gh.Repositories.GetCommit(t.Context(), "alice", "hello", sha, &github.ListOptions{Page: c.number, PerPage: c.size})
		s.Must(err)
		if len(got.Files) != c.files || a.NextPage != c.next || got.GetStats().GetAdditions() != 310 || got.GetSHA() != sha {
			t.Errorf("page %d of %d: %d files, then page %d, %v; want %d, %d", c.number, c.size, len(got.Files), a.NextPage, got.GetStats(), c.files, c.next)
		}
	}
}
