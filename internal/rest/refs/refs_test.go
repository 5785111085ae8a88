package refs_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

func runs(s *resttest.Site) int {
	s.Helper()
	_, n, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: s.Repo.ID}, store.Page{Number: 1, Size: 10})
	s.Must(err)
	return n
}

func TestRefsAreMadeMovedAndDeletedAsByPushes(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Want(s.Do(http.MethodPost, s.Path("git/refs"), s.AliceToken, resttest.Fields{"ref": "refs/heads/x", "sha": "0123456789012345678901234567890123456789"}), http.StatusConflict) // empty
		first, _ := s.Pushed()
		second := s.Push(s.Repo, "other", map[string]string{".github/workflows/hello.yml": resttest.HelloWorkflow, "x": "y"})
		started := runs(s)
		for _, version := range []string{"2022-11-28", "2026-03-10"} {
			header, name := "X-GitHub-Api-Version: "+version, "topic/"+version
			a := s.Want(s.Do(http.MethodPost, s.Path("git/refs"), s.AliceToken, resttest.Fields{"ref": "refs/heads/" + name, "sha": first}, header), http.StatusCreated)
			if made := a.JSON(s); made["ref"] != "refs/heads/"+name || a.Header.Get("Location") != made["url"] {
				s.Errorf("made %s", a.Text)
			}
			ref := s.Path("git/refs/heads/" + name)
			s.Refused(s.Do(http.MethodPatch, ref, s.AliceToken, resttest.Fields{"sha": second}, header), http.StatusUnprocessableEntity, "Update is not a fast forward")
			moved := s.Want(s.Do(http.MethodPatch, ref, s.AliceToken, resttest.Fields{"sha": second, "force": true}, header), http.StatusOK).JSON(s)
			if moved["object"].(map[string]any)["sha"] != second {
				s.Errorf("moved to %v", moved)
			}
			var list []map[string]any
			s.Want(s.Get(s.Path("git/matching-refs/heads/topic"), header), http.StatusOK).Into(s, &list)
			if len(list) != 1 || list[0]["ref"] != "refs/heads/"+name {
				s.Errorf("matching %v", list)
			}
			s.Want(s.Do(http.MethodDelete, ref, s.AliceToken, nil, header), http.StatusNoContent)
			s.Want(s.Get(s.Path("git/ref/heads/"+name), header), http.StatusNotFound)
			s.Refused(s.Do(http.MethodDelete, ref, s.AliceToken, nil, header), http.StatusUnprocessableEntity, "Reference does not exist")
		}
		if n := runs(s); n != started+4 { // made and moved, twice
			s.Errorf("%d runs, want 4 more than %d", n, started)
		}
	})
}

func TestRefsThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	sha, _ := s.Pushed()
	const other = "0123456789012345678901234567890123456789"
	for _, c := range []struct{ ref, sha, want string }{
		{"heads/x", sha, "Reference name must start with 'refs/' and have at least two slashes."},
		{"refs/x", sha, "Reference name must start with 'refs/' and have at least two slashes."},
		{"refs/heads/main", sha, "Reference already exists"},
		{"refs/heads/main/x", sha, "Reference update failed: refs/heads/main is there"},
		{"refs/heads/a..b", sha, "refs/heads/a..b is not a valid ref name."},
		{"refs/pull/1/head", sha, "refs/pull/1/head is not a valid ref name."},
		{"refs/heads/x", other, "Object does not exist"},
		{"refs/heads/x", "main", "The sha parameter must be exactly 40 characters and contain only [0-9a-f]."},
		{"refs/heads/x", "", "The sha parameter must be exactly 40 characters and contain only [0-9a-f]."},
	} {
		s.Refused(s.Do(http.MethodPost, s.Path("git/refs"), s.AliceToken, resttest.Fields{"ref": c.ref, "sha": c.sha}), http.StatusUnprocessableEntity, c.want)
	}
	s.Refused(s.Do(http.MethodPatch, s.Path("git/refs/heads/none"), s.AliceToken, resttest.Fields{"sha": sha}), http.StatusUnprocessableEntity, "Reference does not exist")
	s.Refused(s.Do(http.MethodPatch, s.Path("git/refs/heads/main"), s.AliceToken, resttest.Fields{"sha": other}), http.StatusUnprocessableEntity, "Object does not exist")
	s.Refused(s.Do(http.MethodDelete, s.Path("git/refs/heads/main"), s.AliceToken, nil), http.StatusUnprocessableEntity, "Cannot delete the default branch")
	s.Want(s.Do(http.MethodPost, s.Path("git/refs"), s.JobToken(s.Repo, map[string]string{"contents": "read"}), resttest.Fields{"ref": "refs/heads/x", "sha": sha}), http.StatusForbidden)
	s.Want(s.Do(http.MethodPost, s.Path("git/refs"), s.JobToken(s.Repo, map[string]string{"contents": "write"}), resttest.Fields{"ref": "refs/heads/x", "sha": sha}), http.StatusCreated)
}

// What was pushed over may have been secret: who knows its SHA gets it back by no ref.
func TestACommitThatNothingLeadsToGetsNoRef(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	lost := s.Push(s.Repo, "lost", map[string]string{"a": "b"})
	s.Want(s.Do(http.MethodDelete, s.Path("git/refs/heads/lost"), s.AliceToken, nil), http.StatusNoContent)
	s.Refused(s.Do(http.MethodPost, s.Path("git/refs"), s.AliceToken, resttest.Fields{"ref": "refs/heads/x", "sha": lost}), http.StatusUnprocessableEntity, "Object does not exist")
}
