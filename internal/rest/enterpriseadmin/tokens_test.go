package enterpriseadmin_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestSiteAdminsListAndDeletePersonalTokens(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.JobToken(s.Repo, nil)
		list := func(path string) (ids map[float64]map[string]any) {
			ids = map[float64]map[string]any{}
			a := s.Want(s.Do(http.MethodGet, path, s.AdminToken, nil), http.StatusOK)
			var all []map[string]any
			a.Into(s, &all)
			for _, v := range all {
				ids[v["id"].(float64)] = v
			}
			return ids
		}
		before := list("/admin/tokens")
		expires := s.Now().Add(24 * time.Hour)
		text := s.TokenAs(&actions.Token{AccountID: s.Alice.ID, Kind: actions.Classic, Note: "laptop", Scopes: []string{"repo"}, ExpiresAt: expires})
		after := list("/admin/tokens?per_page=100")
		if len(after) != len(before)+1 {
			s.Fatalf("there are %d tokens, want %d", len(after), len(before)+1)
		}
		for id, v := range after {
			if v["token"] != "" {
				s.Errorf("a list has the token %v", v)
			}
			if before[id] != nil {
				continue
			}
			if v["note"] != "laptop" || v["user"].(map[string]any)["login"] != "alice" || v["expires_at"] != expires.UTC().Format(time.RFC3339) {
				s.Errorf("the token is %v", v)
			}
			path := fmt.Sprintf("/admin/tokens/%.0f", id)
			s.Want(s.Do(http.MethodGet, "/user", text, nil), http.StatusOK)
			s.Want(s.Do(http.MethodDelete, path, s.AliceToken, nil), http.StatusNotFound)
			s.Want(s.Do(http.MethodDelete, path, s.AdminToken, nil), http.StatusNoContent)
			s.Refused(s.Do(http.MethodGet, "/user", text, nil), http.StatusUnauthorized, "Bad credentials")
			s.Want(s.Do(http.MethodDelete, path, s.AdminToken, nil), http.StatusNotFound)
		}
		s.Want(s.Do(http.MethodGet, "/admin/tokens", s.AliceToken, nil), http.StatusNotFound)
	})
}

func TestATokenInUseAndTheTokensOfJobsAreNotDeleted(t *testing.T) {
	s := resttest.New(t)
	own, err := s.Auth.Token(t.Context(), s.AdminToken)
	s.Must(err)
	s.Want(s.Do(http.MethodDelete, fmt.Sprintf("/admin/tokens/%d", own.Token.ID), s.AdminToken, nil), http.StatusForbidden)
	job, err := s.Auth.Token(t.Context(), s.JobToken(s.Repo, nil))
	s.Must(err)
	s.Want(s.Do(http.MethodDelete, fmt.Sprintf("/admin/tokens/%d", job.Token.ID), s.AdminToken, nil), http.StatusNotFound)
}

func TestATokenThatExpiresSaysWhenAndIsThenBad(t *testing.T) {
	s := resttest.New(t)
	const header = "GitHub-Authentication-Token-Expiration"
	if got := s.Want(s.Get("/user"), http.StatusOK).Header.Get(header); got != "" {
		t.Errorf("a token without an end says %q", got)
	}
	expires := s.Now().Add(time.Hour)
	token := s.TokenAs(&actions.Token{AccountID: s.Alice.ID, Kind: actions.Classic, Scopes: []string{"repo"}, ExpiresAt: expires})
	_, res, err := s.GoGitHub(token).Users.Get(t.Context(), "")
	s.Must(err)
	if got := res.TokenExpiration.Time; !got.Equal(expires.Truncate(time.Second)) {
		t.Errorf("go-github reads %s, want %s", got, expires)
	}
	s.Pass(time.Hour)
	s.Refused(s.Do(http.MethodGet, "/user", token, nil), http.StatusUnauthorized, "Bad credentials")
}

// An admin may have made tokens that act as others.
func TestImpersonationEndsWithTheAccountThatIsBehindIt(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		mallory := s.Account(&actions.Account{Login: "mallory", Type: actions.User, SiteAdmin: true})
		s.Account(&actions.Account{Login: "boss", Type: actions.User, SiteAdmin: true})
		make := func(as, token string, scopes ...string) string {
			a := s.Want(s.Do(http.MethodPost, "/admin/users/"+as+"/authorizations", token, resttest.Fields{"scopes": scopes}), http.StatusCreated)
			return a.JSON(s)["token"].(string)
		}
		boss := make("boss", s.Token(mallory, actions.Scopes()...), "site_admin", "repo")
		alice := make("alice", boss, "repo")
		s.Want(s.Do(http.MethodGet, "/user", alice, nil), http.StatusOK)
		s.Want(s.Do(http.MethodPut, "/users/mallory/suspended", s.AdminToken, nil), http.StatusNoContent)
		for _, token := range []string{boss, alice} {
			s.Refused(s.Do(http.MethodGet, "/user", token, nil), http.StatusUnauthorized, "Bad credentials")
		}
	})
}
