package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestGraphQLAnswersWithTheHeadersOfTheAPI(t *testing.T) {
	s := servertest.New(t)
	query := map[string]string{"query": "{viewer{login}}"}
	a := s.Want(s.Do(http.MethodPost, "/api/graphql", s.AdminToken, query), http.StatusOK)
	if got, want := string(a.Text), `{"data":{"viewer":{"login":"admin"}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if a.Header.Get("X-Github-Request-Id") == "" || !strings.Contains(a.Header.Get("X-Oauth-Scopes"), "repo") {
		t.Errorf("headers %v", a.Header)
	}
	for token, message := range map[string]string{"": "This endpoint requires you to be authenticated.", "ghp_wrong": "Bad credentials"} {
		a := s.Want(s.Do(http.MethodPost, "/api/graphql", token, query), http.StatusUnauthorized)
		if got := a.JSON(t)["message"]; got != message {
			t.Errorf("token %q: %q, want %q", token, got, message)
		}
	}
	s.Want(s.Do(http.MethodGet, "/api/graphql", s.AdminToken, nil), http.StatusNotFound)
}
