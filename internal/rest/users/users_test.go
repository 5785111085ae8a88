package users_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestUsersSeeThemselvesAndOthers(t *testing.T) {
	s := resttest.New(t)
	u := s.Want(s.Get("/user"), http.StatusOK).JSON(t)
	if u["login"] != "alice" || u["owned_private_repos"] != 1.0 || u["user_view_type"] != "private" {
		t.Errorf("user %v", u)
	}
	if u = s.Want(s.Do(http.MethodGet, "/users/ALICE", "", nil), http.StatusOK).JSON(t); u["user_view_type"] != "public" {
		t.Errorf("user %v", u)
	}
	if _, ok := u["owned_private_repos"]; ok {
		t.Error("others see private counts")
	}
	s.Refused(s.Do(http.MethodGet, "/user", s.JobToken(s.Repo, nil), nil), http.StatusForbidden, "Resource not accessible by integration")
}
