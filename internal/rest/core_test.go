package rest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestUnknownVersionIs400(t *testing.T) {
	s := resttest.New(t)
	a := s.Want(s.Get("/user", "X-GitHub-Api-Version: 2021-01-01"), http.StatusBadRequest)
	if got := a.JSON(t)["message"].(string); !strings.Contains(got, `"2021-01-01", is not a supported version`) {
		t.Errorf("message %q", got)
	}
}

func TestEveryAnswerHasGitHubsHeaders(t *testing.T) {
	s := resttest.New(t)
	seen := map[string]bool{}
	for _, path := range []string{"/user", "/nothing/here", s.Path()} {
		a := s.Get(path)
		for _, name := range []string{"X-GitHub-Request-Id", "X-GitHub-Media-Type", "X-GitHub-Api-Version-Selected", "X-RateLimit-Limit", "X-RateLimit-Reset", "Vary", "X-Content-Type-Options", "X-OAuth-Scopes"} {
			if a.Header.Get(name) == "" {
				t.Errorf("%s: no %s", path, name)
			}
		}
		if id := a.Header.Get("X-GitHub-Request-Id"); seen[id] {
			t.Errorf("request id %s came twice", id)
		} else {
			seen[id] = true
		}
	}
}

func TestPathsThatAreNotServedAre404(t *testing.T) {
	s := resttest.New(t)
	for _, path := range []string{"/nothing", "/repos//hello", "/repos/alice/hello/", "/repos/alice/../alice/hello", "/user/", "/repos/alice/hello/actions/runs/../runs", "/%2e%2e/user"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			s.Refused(s.Do(method, s.URL+"/api/v3"+path, s.AliceToken, nil), http.StatusNotFound, "Not Found")
		}
	}
	s.Refused(s.Do(http.MethodDelete, "/user", s.AliceToken, nil), http.StatusNotFound, "Not Found")
}

func TestTokensAreNotTakenFromTheQuery(t *testing.T) {
	s := resttest.New(t)
	s.Want(s.Do(http.MethodGet, "/user?access_token="+s.AliceToken, "", nil), http.StatusBadRequest)
}

func TestBadCredentialsAre401(t *testing.T) {
	s := resttest.New(t)
	s.Refused(s.Do(http.MethodGet, "/user", "ghp_wrong", nil), http.StatusUnauthorized, "Bad credentials")
	s.Refused(s.Do(http.MethodGet, s.Path("actions/runs"), "ghp_wrong", nil), http.StatusUnauthorized, "Bad credentials")
	s.Refused(s.Do(http.MethodGet, "/user", "", nil), http.StatusUnauthorized, "Requires authentication")
}

func TestAnUnchangedAnswerIs304(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	for _, path := range []string{"/user", s.Path(), s.Path("actions/runs"), s.Path("actions/workflows")} {
		tag := s.Want(s.Get(path), http.StatusOK).Header.Get("ETag")
		a := s.Want(s.Get(path, "If-None-Match: "+tag), http.StatusNotModified)
		if len(a.Text) > 0 || a.Header.Get("Content-Type") != "" || a.Header.Get("ETag") != tag {
			t.Errorf("%s: 304 with %v %s", path, a.Header, a.Text)
		}
	}
}

func TestURLsKeepTheHostOfEachRequest(t *testing.T) {
	s := resttest.New(t)
	_, run := s.Pushed()
	for range 2 { // the second time from memory
		for _, host := range []string{"a.localhost:3000", "b.localhost"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v3"+s.Path("actions/runs", run.ID), nil)
			s.Must(err)
			r.Host = host
			r.Header.Set("Authorization", "Bearer "+s.AliceToken)
			res, err := http.DefaultClient.Do(r)
			s.Must(err)
			text := readAll(t, res)
			if !strings.Contains(text, `"url":"http://`+host+"/api/v3/repos/alice/hello/actions/runs/") || strings.Contains(text, "127.0.0.1") {
				t.Errorf("%s: %s", host, text)
			}
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v3/", nil)
	s.Must(err)
	r.Host = `evil"host`
	if res, err := http.DefaultClient.Do(r); err == nil {
		if text := readAll(t, res); res.StatusCode != http.StatusBadRequest {
			t.Errorf("host with a quote: %d %s", res.StatusCode, text)
		}
	}
}

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
