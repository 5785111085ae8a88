package selfhostedrunners_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/servertest"
)

// Neither the token nor the one that it was exchanged for before adds a runner.
func TestRegistrationTokensEndWithTheAccountThatMadeThem(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		alice := s.User("alice")
		s.Repository(alice, "hello", true)
		const path = servertest.API + "/repos/alice/hello/actions/"
		made := s.Want(s.Do(http.MethodPost, path+"runners/registration-token", s.Token(alice, "repo"), nil), http.StatusCreated).JSON(t)["token"].(string)
		exchange := func(status int) *servertest.Reply {
			body := map[string]any{"url": s.URL + "/alice/hello", "runner_event": "register"}
			return s.Want(s.Do(http.MethodPost, servertest.API+"/actions/runner-registration", "", body, "Authorization: RemoteAuth "+made), status)
		}
		admin := exchange(http.StatusOK).JSON(t)["token"].(string)
		s.Want(s.Do(http.MethodGet, path+"runner-groups", admin, nil), http.StatusOK)
		s.Must(s.Store.SetSuspended(s.Context(), alice.ID, true, s.Now()))
		exchange(http.StatusNotFound)
		s.Want(s.Do(http.MethodGet, path+"runner-groups", admin, nil), http.StatusNotFound)
	})
}
