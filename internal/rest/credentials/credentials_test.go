package credentials_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestWhoHasATokenRevokesIt(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		mine, found := s.Token(s.Alice, "repo"), s.Token(s.Alice, "repo")
		job := s.JobToken(s.Repo, map[string]string{"contents": "read"})
		credentials := []string{found, found, "ghp_" + strings.Repeat("0", 36), "", "x", strings.Repeat("a", 5000), job}
		s.Want(s.Do(http.MethodPost, "/credentials/revoke", "", resttest.Fields{"credentials": credentials}), http.StatusAccepted)
		s.Refused(s.Do(http.MethodGet, "/user", found, nil), http.StatusUnauthorized, "Bad credentials")
		s.Want(s.Do(http.MethodGet, "/user", mine, nil), http.StatusOK)
		s.Want(s.Do(http.MethodGet, s.Path(), job, nil), http.StatusOK) // it dies with its job
		s.Want(s.Do(http.MethodPost, "/credentials/revoke", mine, resttest.Fields{"credentials": []string{mine}}), http.StatusAccepted)
		s.Want(s.Do(http.MethodGet, "/user", mine, nil), http.StatusUnauthorized)
	})
}

func TestAListOfCredentialsHasALimit(t *testing.T) {
	s := resttest.New(t)
	for _, credentials := range []any{nil, []string{}, slices.Repeat([]string{"x"}, 1001), "x", 5, []int{1}} {
		s.Want(s.Do(http.MethodPost, "/credentials/revoke", "", resttest.Fields{"credentials": credentials}), http.StatusUnprocessableEntity)
	}
	if _, n, err := s.Store.PersonalTokens(t.Context(), s.Alice.ID, actions.Page{Number: 1, Size: 1}); err != nil || n != 1 {
		t.Errorf("%d tokens, %v; want the one there was", n, err)
	}
}
