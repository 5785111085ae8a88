package selfhostedrunners_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestRegistrationTokensEndWithTheAccountThatMadeThem(t *testing.T) {
	registrationTokensEnd(t, func(s *servertest.Site, alice *actions.Account, _ string) {
		s.Must(s.Store.SetSuspended(s.Context(), alice.ID, true, s.Now()))
	})
}

func TestRegistrationTokensEndWithTheTokenThatTheyWereMadeWith(t *testing.T) {
	registrationTokensEnd(t, func(s *servertest.Site, _ *actions.Account, text string) {
		s.Want(s.Do(http.MethodPost, servertest.API+"/credentials/revoke", "", map[string]any{"credentials": []string{text}}), http.StatusAccepted)
	})
}

// Neither the token nor the one that it was exchanged for before adds a runner.
func registrationTokensEnd(t *testing.T, end func(s *servertest.Site, alice *actions.Account, text string)) {
	t.Helper()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		alice := s.User("alice")
		s.Repository(alice, "hello", true)
		const path = servertest.API + "/repos/alice/hello/actions/"
		text := s.Token(alice, "repo")
		made := s.Want(s.Do(http.MethodPost, path+"runners/registration-token", text, nil), http.StatusCreated).JSON(t)["token"].(string)
		exchange := func(status int) *servertest.Reply {
			body := map[string]any{"url": s.URL + "/alice/hello", "runner_event": "register"}
			return s.Want(s.Do(http.MethodPost, servertest.API+"/actions/runner-registration", "", body, "Authorization: RemoteAuth "+made), status)
		}
		admin := exchange(http.StatusOK).JSON(t)["token"].(string)
		s.Want(s.Do(http.MethodGet, path+"runner-groups", admin, nil), http.StatusOK)
		end(s, alice, text)
		exchange(http.StatusNotFound)
		s.Want(s.Do(http.MethodGet, path+"runner-groups", admin, nil), http.StatusNotFound)
	})
}
