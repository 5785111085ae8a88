package enterpriseadmin_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestASuspendedAccountDoesNothingUntilItIsUnsuspended(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		const path = "/users/ALICE/suspended"
		s.Want(s.Get("/user"), http.StatusOK)
		s.Want(s.Do(http.MethodPut, path, s.AdminToken, nil), http.StatusNoContent)
		s.Refused(s.Get("/user"), http.StatusUnauthorized, "Bad credentials")
		s.Refused(s.Get(s.Path()), http.StatusUnauthorized, "Bad credentials")
		s.Want(s.Do(http.MethodGet, "/users/alice", "", nil), http.StatusOK) // it is there
		s.Want(s.Do(http.MethodPut, path, s.AdminToken, resttest.Fields{"reason": "Left the company."}), http.StatusNoContent)
		s.Want(s.Do(http.MethodDelete, path, s.AdminToken, resttest.Fields{"reason": "Came back."}), http.StatusNoContent)
		s.Want(s.Get("/user"), http.StatusOK)
	})
}

func TestOnlySiteAdminsSuspendAndDeleteOthers(t *testing.T) {
	s := resttest.New(t)
	s.User("bob")
	s.Organization("octo", s.Alice)
	unscoped := s.Token(s.Admin, "repo")
	for _, c := range []struct{ method, before, after string }{
		{http.MethodPut, "/users/", "/suspended"}, {http.MethodDelete, "/users/", "/suspended"}, {http.MethodDelete, "/admin/users/", ""},
	} {
		of := func(login string) string { return c.before + login + c.after }
		for _, token := range []string{s.AliceToken, unscoped} {
			s.Refused(s.Do(c.method, of("bob"), token, nil), http.StatusNotFound, "Not Found")
		}
		s.Refused(s.Do(c.method, of("bob"), "", nil), http.StatusUnauthorized, "Requires authentication")
		s.Want(s.Do(c.method, of("admin"), s.AdminToken, nil), http.StatusForbidden)
		for _, login := range []string{"nobody", "octo", "ghost", "github-actions[bot]"} {
			s.Want(s.Do(c.method, of(login), s.AdminToken, nil), http.StatusNotFound)
		}
	}
	s.Want(s.Do(http.MethodPut, "/users/bob/suspended", s.AdminToken, resttest.Fields{"reason": "a\nb"}), http.StatusUnprocessableEntity)
	s.Want(s.Do(http.MethodPut, "/users/bob/suspended", s.AdminToken, resttest.Fields{"reason": 5}), http.StatusUnprocessableEntity)
}

func TestADeletedAccountLeavesItsRunsToAGhost(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		bob := s.User("bob")
		s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, bob.ID, actions.Write))
		token := s.Token(bob, "repo", "workflow")
		s.Site.Push(s.Repo, "main", token, map[string]string{".github/workflows/hello.yml": resttest.HelloWorkflow})
		const path = "/admin/users/bob"
		s.Want(s.Do(http.MethodDelete, path, s.AdminToken, nil), http.StatusNoContent)
		s.Refused(s.Do(http.MethodGet, "/user", token, nil), http.StatusUnauthorized, "Bad credentials")
		s.Want(s.Get("/users/bob"), http.StatusNotFound)
		s.Want(s.Do(http.MethodDelete, path, s.AdminToken, nil), http.StatusNotFound)
		runs := s.Want(s.Get(s.Path("actions/runs")), http.StatusOK).JSON(s)["workflow_runs"].([]any)
		if len(runs) != 1 {
			s.Fatalf("there are %d runs, want 1", len(runs))
		}
		run := runs[0].(map[string]any)
		for _, role := range []string{"actor", "triggering_actor"} {
			if who := run[role].(map[string]any); who["login"] != "ghost" || who["site_admin"] != false {
				s.Errorf("%s: %v", role, who)
			}
		}
		// The login is free, and who takes it gets nothing of what there was.
		again := s.User("bob")
		s.Want(s.Do(http.MethodGet, s.Path(), s.Token(again, "repo"), nil), http.StatusNotFound)
		s.Want(s.Do(http.MethodDelete, path, s.AdminToken, nil), http.StatusNoContent)
	})
}

func TestAnAccountThatOthersNeedIsNotDeleted(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Want(s.Do(http.MethodDelete, "/admin/users/alice", s.AdminToken, nil), http.StatusConflict) // she owns alice/hello
		bob, mona := s.User("bob"), s.User("mona")
		org := s.Organization("octo", bob)
		s.Refused(s.Do(http.MethodDelete, "/admin/users/bob", s.AdminToken, nil), http.StatusConflict,
			"the account is the only owner of the organization octo: name another owner first")
		s.Must(s.Store.SetMember(s.Context(), org.ID, mona.ID, true))
		s.Want(s.Do(http.MethodDelete, "/admin/users/bob", s.AdminToken, nil), http.StatusNoContent)
	})
}
