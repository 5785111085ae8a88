package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
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
	ends := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	expiring := s.TokenAs(&actions.Token{AccountID: s.Admin.ID, Kind: actions.Classic, Scopes: []string{"repo"}, ExpiresAt: ends})
	a = s.Want(s.Do(http.MethodPost, "/api/graphql", expiring, query), http.StatusOK)
	if got, want := a.Header.Get("GitHub-Authentication-Token-Expiration"), "2030-01-02 03:04:05 UTC"; got != want {
		t.Errorf("the token ends %q, want %q", got, want)
	}
	for token, message := range map[string]string{"": "This endpoint requires you to be authenticated.", "ghp_wrong": "Bad credentials"} {
		a := s.Want(s.Do(http.MethodPost, "/api/graphql", token, query), http.StatusUnauthorized)
		if got := a.JSON(t)["message"]; got != message {
			t.Errorf("token %q: %q, want %q", token, got, message)
		}
	}
	s.Want(s.Do(http.MethodGet, "/api/graphql", s.AdminToken, nil), http.StatusNotFound)
}
