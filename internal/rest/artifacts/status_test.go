package artifacts_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/version"
)

// Each of the five operations of the reference's pages answers with each status
// that it documents, and with those that all operations have, in both versions.
func TestEveryStatusOfTheFiveOperations(t *testing.T) {
	s := resttest.New(t)
	run, j, art := s.Dist("a", "b")
	doomed := s.Upload(j, "doomed", "", s.Archive())
	bob := s.User("bob")
	const unknown = "ghp_0000000000000000000000000000000000000"
	var (
		list     = "GET " + s.Path("actions/artifacts")
		one      = "GET " + s.Path("actions/artifacts", art.ID)
		remove   = "DELETE " + s.Path("actions/artifacts", doomed.ID)
		download = one + "/zip"
		ofRun    = "GET " + s.Path("actions/runs", run.ID, "artifacts")
		outsider = s.Token(bob, "repo")
		reads    = s.JobToken(s.Repo, map[string]string{"actions": "read"})
		nothing  = s.JobToken(s.Repo, map[string]string{"contents": "write"})
	)
	check := func(what, token string, want int, routes ...string) {
		t.Helper()
		for _, v := range version.All() {
			for _, route := range routes {
				method, path, _ := strings.Cut(route, " ")
				a := s.Do(method, path, token, nil, version.Header+": "+string(v))
				if a.StatusCode != want || a.Header.Get("X-GitHub-Api-Version-Selected") != string(v) {
					t.Errorf("%s, %s, %s: %d, want %d: %s", what, v, route, a.StatusCode, want, a.Text)
				}
				if want >= http.StatusBadRequest && !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
					t.Errorf("%s, %s: the error is %s", what, route, a.Header.Get("Content-Type"))
				}
			}
		}
	}
	check("an unknown token", unknown, http.StatusUnauthorized, list, one, remove, download, ofRun)
	check("nobody, private", "", http.StatusNotFound, list, one, remove, download, ofRun)
	check("an outsider, private", outsider, http.StatusNotFound, list, one, remove, download, ofRun)
	check("a job without the permission", nothing, http.StatusForbidden, list, one, remove, download, ofRun)
	check("a job that reads", reads, http.StatusOK, list, one, ofRun)
	check("a job that reads", reads, http.StatusFound, download)
	check("a job that reads", reads, http.StatusForbidden, remove)
	check("the owner", s.AliceToken, http.StatusOK, list, one, ofRun)
	check("the owner", s.AliceToken, http.StatusFound, download)

	s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"private": false}), http.StatusOK)
	check("nobody, public", "", http.StatusOK, list, one, ofRun)
	check("nobody, public", "", http.StatusForbidden, download)
	check("nobody, public", "", http.StatusUnauthorized, remove)
	check("an outsider, public", outsider, http.StatusForbidden, remove)
	check("an outsider, public", outsider, http.StatusFound, download)

	s.Want(s.Do(http.MethodDelete, s.Path("actions/artifacts", doomed.ID), s.AliceToken, nil), http.StatusNoContent)
	check("deleted", s.AliceToken, http.StatusNotFound, remove, "GET "+s.Path("actions/artifacts", doomed.ID)+"/zip")
	check("another format", s.AliceToken, http.StatusNotFound, one+"/tar")
	lost := s.Upload(j, "lost", "", s.Archive("noise", string(noise(1<<20)))) // in a file of its own
	s.Must(filepath.WalkDir(filepath.Join(s.Data, "blobs"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Size() != lost.Size {
			return err
		}
		return os.Remove(name)
	}))
	check("its bytes are gone", s.AliceToken, http.StatusGone, "GET "+s.Path("actions/artifacts", lost.ID)+"/zip")
	s.Pass(91 * 24 * time.Hour)
	check("expired", s.AliceToken, http.StatusGone, download)
	check("expired", s.AliceToken, http.StatusOK, one, list, ofRun)
}
