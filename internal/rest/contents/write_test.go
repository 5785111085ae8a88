package contents_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

var bothVersions = []string{"2022-11-28", "2026-03-10"}

func runs(s *resttest.Site) int {
	s.Helper()
	_, n, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: s.Repo.ID}, store.Page{Number: 1, Size: 10})
	s.Must(err)
	return n
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestFilesAreWrittenByCommitsThatStartRuns(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		head, _ := s.Pushed()
		gh, started := s.GoGitHub(s.AliceToken).Repositories, runs(s)
		made, res, err := gh.CreateFile(s.Context(), "alice", "hello", "a/b/c.txt", &github.RepositoryContentFileOptions{
			Message: new("add c"), Content: []byte("one\n"), Author: &github.CommitAuthor{Name: new("Ada"), Email: new("ada@example.com")},
		})
		s.Must(err)
		if res.StatusCode != http.StatusCreated || made.GetMessage() != "add c" || made.GetAuthor().GetName() != "Ada" ||
			made.GetCommitter().GetName() != "alice" || len(made.Parents) != 1 || made.Parents[0].GetSHA() != head || made.Content.GetPath() != "a/b/c.txt" {
			s.Errorf("%d %v", res.StatusCode, made)
		}
		if n := runs(s); n != started+1 {
			s.Errorf("%d runs, want one more than %d", n, started)
		}
		changed, res, err := gh.UpdateFile(s.Context(), "alice", "hello", "a/b/c.txt", &github.RepositoryContentFileOptions{
			Message: new("change c"), Content: []byte("two\n"), SHA: made.Content.SHA, Branch: new("main"),
		})
		s.Must(err)
		file, _, _, err := gh.GetContents(s.Context(), "alice", "hello", "a/b/c.txt", nil)
		s.Must(err)
		if text, err := file.GetContent(); err != nil || text != "two\n" || res.StatusCode != http.StatusOK || file.GetSHA() != changed.Content.GetSHA() {
			s.Errorf("%d %q, %v", res.StatusCode, text, err)
		}
		gone, _, err := gh.DeleteFile(s.Context(), "alice", "hello", "a/b/c.txt", &github.RepositoryContentFileOptions{Message: new("remove c"), SHA: changed.Content.SHA})
		s.Must(err)
		if gone.Content != nil {
			s.Errorf("content %v of a deleted file", gone.Content)
		}
		s.Want(s.Get(s.Path("contents/a")), http.StatusNotFound) // nothing is left of its directories
		s.Want(s.Get(s.Path("contents/README.md")), http.StatusOK)
		dir := s.TempDir()
		s.RunGit(dir, "clone", "-q", s.Remote(s.Repo, s.AliceToken), "x")
		s.RunGit(dir+"/x", "fsck", "--strict")
		if got := s.RunGit(dir+"/x", "log", "--format=%s", "-3"); got != "remove c\nchange c\nadd c" {
			s.Errorf("log %q", got)
		}
	})
}

func TestAFileIsTheFirstOfAnEmptyRepository(t *testing.T) {
	s := resttest.New(t)
	s.Want(s.Get(s.Path("commits")), http.StatusConflict)
	s.Want(s.Do(http.MethodPut, s.Path("contents/README.md"), s.AliceToken, resttest.Fields{"message": "m", "content": encoded("# Hi\n")}), http.StatusCreated)
	s.Want(s.Get(s.Path("commits")), http.StatusOK)
	raw := s.Want(s.Get(s.Path("readme"), "Accept: application/vnd.github.raw+json"), http.StatusOK)
	if string(raw.Text) != "# Hi\n" {
		t.Errorf("README %q", raw.Text)
	}
	html := s.Want(s.Get(s.Path("readme"), "Accept: application/vnd.github.html+json"), http.StatusOK)
	if !strings.Contains(string(html.Text), ">Hi</h") || !strings.HasPrefix(html.Header.Get("Content-Type"), "application/vnd.github.html") {
		t.Errorf("%s", html.Text)
	}
	wantName(s, s.Want(s.Get(s.Path("readme")), http.StatusOK).JSON(t), "README.md")
	s.Want(s.Get(s.Path("readme/none")), http.StatusNotFound)
}

func wantName(s *resttest.Site, got map[string]any, want string) {
	s.Helper()
	if got["name"] != want || got["type"] != "file" {
		s.Errorf("%v, want %s", got, want)
	}
}

func TestFilesThatCannotBeWrittenAreRefused(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Pushed()
		sha := s.Get(s.Path("contents/README.md")).JSON(s)["sha"]
		other := "0123456789012345678901234567890123456789"
		good := encoded("x")
		for _, c := range []struct {
			name, method, path string
			body               resttest.Fields
			want               int
		}{
			{"no message", http.MethodPut, "new", resttest.Fields{"content": good}, http.StatusUnprocessableEntity},
			{"no content", http.MethodPut, "new", resttest.Fields{"message": "m"}, http.StatusUnprocessableEntity},
			{"no Base64", http.MethodPut, "new", resttest.Fields{"message": "m", "content": "?"}, http.StatusUnprocessableEntity},
			{"no sha", http.MethodPut, "README.md", resttest.Fields{"message": "m", "content": good}, http.StatusUnprocessableEntity},
			{"another sha", http.MethodPut, "README.md", resttest.Fields{"message": "m", "content": good, "sha": other}, http.StatusConflict},
			{"the sha of nothing", http.MethodPut, "new", resttest.Fields{"message": "m", "content": good, "sha": other}, http.StatusConflict},
			{"a directory", http.MethodPut, ".github", resttest.Fields{"message": "m", "content": good}, http.StatusUnprocessableEntity},
			{"below a file", http.MethodPut, "README.md/x", resttest.Fields{"message": "m", "content": good}, http.StatusUnprocessableEntity},
			{"git's own", http.MethodPut, "a/.git/config", resttest.Fields{"message": "m", "content": good}, http.StatusUnprocessableEntity},
			{"git's own, as Windows writes it", http.MethodPut, "git~1", resttest.Fields{"message": "m", "content": good}, http.StatusUnprocessableEntity},
			{"out of it", http.MethodPut, "a/%2e%2e/b", resttest.Fields{"message": "m", "content": good}, http.StatusNotFound},
			{"no such branch", http.MethodPut, "new", resttest.Fields{"message": "m", "content": good, "branch": "none"}, http.StatusNotFound},
			{"a bad branch", http.MethodPut, "new", resttest.Fields{"message": "m", "content": good, "branch": "a..b"}, http.StatusNotFound},
			{"an author without a name", http.MethodPut, "new", resttest.Fields{"message": "m", "content": good, "author": resttest.Fields{"email": "a@b"}}, http.StatusUnprocessableEntity},
			{"delete nothing", http.MethodDelete, "new", resttest.Fields{"message": "m", "sha": sha}, http.StatusNotFound},
			{"delete something else", http.MethodDelete, "README.md", resttest.Fields{"message": "m", "sha": other}, http.StatusConflict},
			{"delete without a sha", http.MethodDelete, "README.md", resttest.Fields{"message": "m"}, http.StatusUnprocessableEntity},
		} {
			for _, version := range bothVersions {
				if a := s.Do(c.method, s.Path("contents/"+c.path), s.AliceToken, c.body, "X-GitHub-Api-Version: "+version); a.StatusCode != c.want {
					s.Errorf("%s: %d, want %d: %s", c.name, a.StatusCode, c.want, a.Text)
				}
			}
		}
		body := resttest.Fields{"message": "m", "content": encoded(resttest.HelloWorkflow)}
		workflow := s.Path("contents/.github/workflows/new.yml")
		s.Refused(s.Do(http.MethodPut, workflow, s.Token(s.Alice, "repo"), body), http.StatusForbidden,
			"refusing to allow a Personal Access Token to create or update workflow `.github/workflows/new.yml` without `workflow` scope")
		s.Refused(s.Do(http.MethodPut, workflow, s.JobToken(s.Repo, map[string]string{"contents": "write"}), body), http.StatusForbidden,
			"refusing to allow a GitHub App to create or update workflow `.github/workflows/new.yml` without `workflows` permission")
		s.Want(s.Do(http.MethodPut, workflow, s.AliceToken, body), http.StatusCreated)
		s.Want(s.Do(http.MethodPut, s.Path("contents/x"), s.JobToken(s.Repo, map[string]string{"contents": "read"}), resttest.Fields{"message": "m", "content": good}), http.StatusForbidden)
	})
}

func TestCommitsAreListed(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		first, _ := s.Pushed()
		for _, name := range []string{"a", "b", "c"} {
			s.Want(s.Do(http.MethodPut, s.Path("contents/dir/"+name), s.AliceToken, resttest.Fields{"message": "add " + name, "content": encoded(name)}), http.StatusCreated)
		}
		for query, want := range map[string]string{
			"":                            "add c,add b,add a,a commit",
			"?per_page=2":                 "add c,add b",
			"?per_page=2&page=2":          "add a,a commit",
			"?path=dir/b":                 "add b",
			"?path=dir":                   "add c,add b,add a",
			"?path=none":                  "",
			"?path=../x":                  "",
			"?author=alice":               "add c,add b,add a",
			"?author=mona@example.com":    "a commit",
			"?author=nobody":              "",
			"?author=--all":               "",
			"?sha=" + first:               "a commit",
			"?sha=" + first[:8]:           "a commit",
			"?sha=main&path=/dir/a":       "add a",
			"?since=2999-01-01T00:00:00Z": "",
			"?until=2001-01-01T00:00:00Z": "",
			"?committer=alice&per_page=1": "add c",
		} {
			var list []struct{ Commit struct{ Message string } }
			a := s.Want(s.Get(s.Path("commits"+query)), http.StatusOK)
			a.Into(s, &list)
			var got []string
			for _, c := range list {
				title, _, _ := strings.Cut(c.Commit.Message, "\n")
				got = append(got, title)
			}
			if strings.Join(got, ",") != want {
				s.Errorf("%s: %q, want %q", query, got, want)
			}
			if next := strings.Contains(a.Header.Get("Link"), `rel="next"`); next != (query == "?per_page=2" || query == "?committer=alice&per_page=1") {
				s.Errorf("%s: link %q", query, a.Header.Get("Link"))
			}
		}
		s.Want(s.Get(s.Path("commits?sha=none")), http.StatusNotFound)
		s.Want(s.Get(s.Path("commits?since=yesterday")), http.StatusBadRequest)
		if got := s.Want(s.Get(s.Path("commits/"+first[:7])), http.StatusOK).JSON(s)["sha"]; got != first {
			s.Errorf("%v for a short SHA, want %s", got, first)
		}
		s.Want(s.Get(s.Path("commits/"+first[:3])), http.StatusUnprocessableEntity)
	})
}
