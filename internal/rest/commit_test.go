package rest_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func deleteBranches(s *resttest.Site, names ...string) {
	dir := s.TempDir()
	s.RunGit(dir, "init", "-q")
	for _, name := range names {
		s.RunGit(dir, "push", "-q", s.Remote(s.Repo, s.AliceToken), ":"+name)
	}
}

// Threat: what was deleted, since it should never have been pushed, is read by its SHA.
func TestCommitsThatNoRefLeadsToAreNotRead(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		kept := s.Push(s.Repo, "main", map[string]string{"README.md": "# Hello\n"})
		gone := s.Push(s.Repo, "secret", map[string]string{"key": "x\n"})
		ran := s.Push(s.Repo, "brief", map[string]string{"key": "y\n"})
		deleteBranches(s, "secret", "brief")
		wf := s.AddWorkflow(s.Repo, ".github/workflows/ci.yml")
		s.AddRun(wf, func(r *actions.Run) { r.HeadSHA = ran })
		reader := s.JobToken(s.Repo, map[string]string{"contents": "read", "checks": "read"})
		runReader := s.JobToken(s.Repo, map[string]string{"contents": "read", "checks": "read", "actions": "read"})
		for _, c := range []struct {
			what, token, sha, file string
			found                  bool
		}{
			{"on a branch", s.AliceToken, kept, "README.md", true},
			{"on a branch that was deleted", s.AliceToken, gone, "key", false},
			{"of a run", s.AliceToken, ran, "key", true},
			{"of a run, by who may not read runs", reader, ran, "key", false},
			{"of a run, by a job that may read runs", runReader, ran, "key", true},
			{"on a branch, by a job", reader, kept, "README.md", true},
		} {
			for path, status := range map[string]int{
				"contents/" + c.file + "?ref=" + c.sha: http.StatusNotFound,
				"commits/" + c.sha:                     http.StatusUnprocessableEntity,
				"commits/" + c.sha + "/check-runs":     http.StatusUnprocessableEntity,
			} {
				if c.found {
					status = http.StatusOK
				}
				if a := s.Do(http.MethodGet, s.Path(path), c.token, nil); a.StatusCode != status {
					t.Errorf("a commit %s: %s: %d %s, want %d", c.what, path, a.StatusCode, a.Text, status)
				}
			}
		}
	})
}

// A job whose branch was deleted, or pushed over, checks out its commit all the same.
func TestTheCommitOfARunIsFetchedByItsSHA(t *testing.T) {
	s := resttest.New(t)
	s.Push(s.Repo, "main", map[string]string{"README.md": "# Hello\n"})
	ran := s.Push(s.Repo, "brief", map[string]string{"key": "y\n"})
	deleteBranches(s, "brief")
	s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), func(r *actions.Run) { r.HeadSHA = ran })
	dir := t.TempDir()
	s.RunGit(dir, "init", "-q")
	s.RunGit(dir, "fetch", "-q", "--depth=1", s.Remote(s.Repo, s.AliceToken), ran)
	if got := s.RunGit(dir, "show", "FETCH_HEAD:key"); got != "y" {
		t.Errorf("fetched %q", got)
	}
}
