package rest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/version"
)

// Each of the five operations of the reference's pages answers with each status
// that it documents, and with those that all operations have, in both versions.
func TestEveryStatusOfTheFiveOperations(t *testing.T) {
	s := newSite(t)
	run, j, art := s.dist("a", "b")
	doomed := s.upload(j, "doomed", "", s.archive())
	bob := s.account("bob", nil)
	const unknown = "ghp_0000000000000000000000000000000000000"
	var (
		list     = "GET " + s.path("actions/artifacts")
		one      = "GET " + s.path("actions/artifacts", art.ID)
		remove   = "DELETE " + s.path("actions/artifacts", doomed.ID)
		download = one + "/zip"
		ofRun    = "GET " + s.path("actions/runs", run.ID, "artifacts")
		stranger = s.newToken(bob, "repo")
		reads    = s.jobToken(s.repo, map[string]string{"actions": "read"})
		nothing  = s.jobToken(s.repo, map[string]string{"contents": "write"})
	)
	check := func(what, token string, want int, routes ...string) {
		t.Helper()
		for _, v := range version.All() {
			for _, route := range routes {
				method, path, _ := strings.Cut(route, " ")
				a := s.do(method, path, token, nil, version.Header+": "+string(v))
				if a.StatusCode != want || a.Header.Get("X-GitHub-Api-Version-Selected") != string(v) {
					t.Errorf("%s, %s, %s: %d, want %d: %s", what, v, route, a.StatusCode, want, a.text)
				}
				if want >= http.StatusBadRequest && !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
					t.Errorf("%s, %s: the error is %s", what, route, a.Header.Get("Content-Type"))
				}
			}
		}
	}
	check("an unknown token", unknown, http.StatusUnauthorized, list, one, remove, download, ofRun)
	check("nobody, private", "", http.StatusNotFound, list, one, remove, download, ofRun)
	check("a stranger, private", stranger, http.StatusNotFound, list, one, remove, download, ofRun)
	check("a job without the permission", nothing, http.StatusForbidden, list, one, remove, download, ofRun)
	check("a job that reads", reads, http.StatusOK, list, one, ofRun)
	check("a job that reads", reads, http.StatusFound, download)
	check("a job that reads", reads, http.StatusForbidden, remove)
	check("the owner", s.token, http.StatusOK, list, one, ofRun)
	check("the owner", s.token, http.StatusFound, download)

	s.want(s.do(http.MethodPatch, s.path(), s.token, fields{"private": false}), http.StatusOK)
	check("nobody, public", "", http.StatusOK, list, one, ofRun)
	check("nobody, public", "", http.StatusForbidden, download)
	check("nobody, public", "", http.StatusUnauthorized, remove)
	check("a stranger, public", stranger, http.StatusForbidden, remove)
	check("a stranger, public", stranger, http.StatusFound, download)

	s.want(s.do(http.MethodDelete, s.path("actions/artifacts", doomed.ID), s.token, nil), http.StatusNoContent)
	check("deleted", s.token, http.StatusNotFound, remove, "GET "+s.path("actions/artifacts", doomed.ID)+"/zip")
	check("another format", s.token, http.StatusNotFound, one+"/tar")
	lost := s.upload(j, "lost", "", s.archive())
	for info, err := range s.blobs.List(s.Context()) {
		s.must(err)
		if info.Size == lost.Size {
			s.must(s.blobs.Delete(s.Context(), info.Key))
		}
	}
	check("its bytes are gone", s.token, http.StatusGone, "GET "+s.path("actions/artifacts", lost.ID)+"/zip")
	s.late.Store(int64(91 * 24 * time.Hour))
	check("expired", s.token, http.StatusGone, download)
	check("expired", s.token, http.StatusOK, one, list, ofRun)
}
