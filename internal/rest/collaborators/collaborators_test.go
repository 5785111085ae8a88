package collaborators_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestCollaboratorsComeAndGo(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		token := s.Token(s.User("bob"), "repo")
		path := s.Path("collaborators/bob")
		see := func(status int) {
			s.Helper()
			s.Want(s.Do(http.MethodGet, s.Path(), token, nil), status)
		}
		see(http.StatusNotFound)
		s.Want(s.Do(http.MethodPut, path, s.AliceToken, resttest.Fields{"permission": "maintain"}), http.StatusNoContent)
		see(http.StatusOK)
		p := s.Want(s.Get(path+"/permission"), http.StatusOK).JSON(s)
		if p["permission"] != "write" || p["role_name"] != "maintain" {
			s.Errorf("permission %v", p)
		}
		s.Refused(s.Do(http.MethodPut, path, token, resttest.Fields{"permission": "admin"}), http.StatusForbidden, "Must have admin rights to Repository.")
		s.Want(s.Do(http.MethodPut, path, s.AliceToken, nil), http.StatusNoContent) // push by default
		if got := s.Want(s.Get(path+"/permission"), http.StatusOK).JSON(s)["role_name"]; got != "write" {
			s.Errorf("role %v", got)
		}
		s.Want(s.Do(http.MethodPut, path, s.AliceToken, resttest.Fields{"permission": "king"}), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodPut, s.Path("collaborators/nobody"), s.AliceToken, nil), http.StatusNotFound)
		s.Want(s.Do(http.MethodDelete, path, s.AliceToken, nil), http.StatusNoContent)
		see(http.StatusNotFound)
	})
}
