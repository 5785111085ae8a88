package permissions_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestAPrivateRepositorySharesItsActions(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		org := s.Organization("acme", s.Alice)
		s.Repository(org, "tools", true)
		s.Repository(s.Alice, "open", false)
		own, acme, open := s.Path("actions/permissions/access"), "/repos/acme/tools/actions/permissions/access", "/repos/alice/open/actions/permissions/access"
		set := func(path string, body any, status int) {
			s.Helper()
			s.Want(s.Do(http.MethodPut, path, s.AliceToken, body), status)
		}
		is := func(path, want string) {
			s.Helper()
			if got := s.Want(s.Get(path), http.StatusOK).JSON(s)["access_level"]; got != want {
				s.Errorf("%s is %v, want %s", path, got, want)
			}
		}
		is(own, "none")
		set(own, resttest.Fields{"access_level": "user"}, http.StatusNoContent)
		is(own, "user")
		set(acme, resttest.Fields{"access_level": "organization"}, http.StatusNoContent)
		is(acme, "organization")
		is(own, "user")
		for _, body := range []any{
			resttest.Fields{},
			resttest.Fields{"access_level": ""},
			resttest.Fields{"access_level": "everybody"},
			resttest.Fields{"access_level": 7},
			resttest.Fields{"access_level": "organization"},
		} {
			set(own, body, http.StatusUnprocessableEntity)
		}
		set(acme, resttest.Fields{"access_level": "user"}, http.StatusUnprocessableEntity)
		is(own, "user")
		set(own, resttest.Fields{"access_level": "none"}, http.StatusNoContent)
		is(own, "none")

		const public = "Access policy only applies to internal and private repositories."
		s.Refused(s.Get(open), http.StatusUnprocessableEntity, public)
		s.Refused(s.Do(http.MethodPut, open, s.AliceToken, resttest.Fields{"access_level": "none"}), http.StatusUnprocessableEntity, public)
	})
}
