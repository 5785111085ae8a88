package enterpriseadmin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestSiteAdminMakesUsersAndOrganizations(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		u := s.Want(s.Do(http.MethodPost, "/admin/users", s.AdminToken, resttest.Fields{"login": "bob", "email": "bob@example.com"}), http.StatusCreated).JSON(s)
		if u["login"] != "bob" || u["type"] != "User" {
			s.Errorf("made %v", u)
		}
		o := s.Want(s.Do(http.MethodPost, "/admin/organizations", s.AdminToken, resttest.Fields{"login": "octo", "admin": "bob", "profile_name": "Octo Inc"}), http.StatusCreated).JSON(s)
		if o["login"] != "octo" {
			s.Errorf("made %v", o)
		}
		if got := s.Want(s.Get("/orgs/OCTO"), http.StatusOK).JSON(s)["name"]; got != "Octo Inc" {
			s.Errorf("name %v", got)
		}
		s.Want(s.Get("/orgs/bob"), http.StatusNotFound)
		bob := impersonate(s, "bob", "repo")
		s.Want(s.Do(http.MethodPost, "/orgs/octo/repos", bob, resttest.Fields{"name": "mine"}), http.StatusCreated)
		s.Refused(s.Do(http.MethodPost, "/orgs/octo/repos", s.AliceToken, resttest.Fields{"name": "yours"}), http.StatusForbidden, "You must be an owner of the organization to do this.")
		s.Want(s.Do(http.MethodPost, "/orgs/none/repos", s.AliceToken, resttest.Fields{"name": "yours"}), http.StatusNotFound)
	})
}

// impersonate makes a token for somebody else.
func impersonate(s *resttest.Site, login string, scopes ...string) string {
	s.Helper()
	a := s.Want(s.Do(http.MethodPost, "/admin/users/"+login+"/authorizations", s.AdminToken, resttest.Fields{"scopes": scopes}), http.StatusCreated)
	return a.JSON(s)["token"].(string)
}

func TestAccountsThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	for _, body := range []resttest.Fields{
		{},
		{"login": ""},
		{"login": "api"},
		{"login": "a b"},
		{"login": "-a"},
		{"login": "ALICE"},
		{"login": strings.Repeat("a", 40)},
		{"login": "../etc"},
		{"login": "ok", "email": "nobody"},
		{"login": "ok", "email": "a@b\r\nc"},
		{"login": 5},
	} {
		s.Want(s.Do(http.MethodPost, "/admin/users", s.AdminToken, body), http.StatusUnprocessableEntity)
	}
	for _, body := range []resttest.Fields{{"login": "octo"}, {"login": "octo", "admin": "nobody"}, {"login": "alice", "admin": "alice"}} {
		s.Want(s.Do(http.MethodPost, "/admin/organizations", s.AdminToken, body), http.StatusUnprocessableEntity)
	}
	s.Refused(s.Do(http.MethodPost, "/admin/users", s.AdminToken, "{"), http.StatusBadRequest, "Problems parsing JSON")
	s.Refused(s.Do(http.MethodPost, "/admin/users", s.AdminToken, "[]"), http.StatusBadRequest, "Body should be a JSON object")
	s.Want(s.Get("/users/octo"), http.StatusNotFound)
}

func TestAdministrationDoesNotExistForOthers(t *testing.T) {
	s := resttest.New(t)
	unscoped := s.Token(s.Admin, "repo")
	for _, path := range []string{"/admin/users", "/admin/organizations", "/admin/users/alice/authorizations"} {
		s.Refused(s.Do(http.MethodPost, path, s.AliceToken, resttest.Fields{"login": "bob"}), http.StatusNotFound, "Not Found")
		s.Refused(s.Do(http.MethodPost, path, unscoped, resttest.Fields{"login": "bob"}), http.StatusNotFound, "Not Found")
		s.Refused(s.Do(http.MethodPost, path, "", resttest.Fields{"login": "bob"}), http.StatusUnauthorized, "Requires authentication")
	}
}

func TestImpersonationGivesNoMoreThanTheCallerHas(t *testing.T) {
	s := resttest.New(t)
	poor := s.Token(s.Admin, "site_admin", "public_repo")
	path := "/admin/users/alice/authorizations"
	s.Want(s.Do(http.MethodPost, path, poor, resttest.Fields{"scopes": []string{"repo"}}), http.StatusForbidden)
	s.Want(s.Do(http.MethodPost, path, s.AdminToken, resttest.Fields{"scopes": []string{"everything"}}), http.StatusUnprocessableEntity)
	s.Want(s.Do(http.MethodPost, "/admin/users/nobody/authorizations", s.AdminToken, resttest.Fields{"scopes": []string{}}), http.StatusNotFound)

	token := impersonate(s, "alice", "public_repo")
	if got := s.Want(s.Do(http.MethodGet, "/user", token, nil), http.StatusOK).JSON(t)["login"]; got != "alice" {
		t.Errorf("it is %v's", got)
	}
	s.Want(s.Do(http.MethodGet, s.Path(), token, nil), http.StatusNotFound) // private
	s.Want(s.Do(http.MethodDelete, path, s.AdminToken, nil), http.StatusNoContent)
	s.Want(s.Do(http.MethodGet, "/user", token, nil), http.StatusUnauthorized)
	s.Want(s.Get("/user"), http.StatusOK) // her own is still good
}

func TestSuspendedUsersAreMadeSuspended(t *testing.T) {
	s := resttest.New(t)
	s.Want(s.Do(http.MethodPost, "/admin/users", s.AdminToken, resttest.Fields{"login": "bob", "suspended": true}), http.StatusCreated)
	s.Want(s.Do(http.MethodGet, "/user", impersonate(s, "bob", "repo"), nil), http.StatusUnauthorized)
	if a, err := s.Store.AccountByLogin(t.Context(), "bob"); err != nil || !a.Suspended || a.Type != actions.User {
		t.Errorf("account %v, %v", a, err)
	}
}
