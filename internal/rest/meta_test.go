package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRootNamesEveryURLAndTheTokensScopes(t *testing.T) {
	s := newSite(t)
	for version, gone := range map[string]bool{"2022-11-28": false, "2026-03-10": true} {
		a := s.want(s.get("/", "X-GitHub-Api-Version: "+version), http.StatusOK)
		if got, want := a.Header.Get("X-OAuth-Scopes"), "repo, workflow"; got != want {
			t.Errorf("scopes %q, want %q", got, want)
		}
		if got := a.Header.Get("X-GitHub-Api-Version-Selected"); got != version {
			t.Errorf("selected version %q, want %q", got, version)
		}
		root := a.json(t)
		if got, want := root["current_user_url"], s.url+"/api/v3/user"; got != want {
			t.Errorf("current_user_url %q, want %q", got, want)
		}
		if _, ok := root["hub_url"]; ok == gone {
			t.Errorf("%s: hub_url there: %t", version, ok)
		}
	}
}

func TestUnknownVersionIs400(t *testing.T) {
	s := newSite(t)
	a := s.want(s.get("/user", "X-GitHub-Api-Version: 2021-01-01"), http.StatusBadRequest)
	if got := a.json(t)["message"].(string); !strings.Contains(got, `"2021-01-01", is not a supported version`) {
		t.Errorf("message %q", got)
	}
}

func TestRateLimitIsNeverUsedUp(t *testing.T) {
	s := newSite(t)
	a := s.want(s.get("/rate_limit"), http.StatusOK)
	if _, ok := a.json(t)["rate"]; !ok {
		t.Error("no rate in 2022-11-28")
	}
	if a.Header.Get("X-RateLimit-Remaining") != a.Header.Get("X-RateLimit-Limit") {
		t.Errorf("remaining %s of %s", a.Header.Get("X-RateLimit-Remaining"), a.Header.Get("X-RateLimit-Limit"))
	}
	a = s.want(s.get("/rate_limit", "X-GitHub-Api-Version: 2026-03-10"), http.StatusOK)
	if _, ok := a.json(t)["rate"]; ok {
		t.Error("rate in 2026-03-10")
	}
	limits, _, err := s.goGitHub(s.token).RateLimit.Get(t.Context())
	if err != nil || limits.GetCore().Remaining == 0 {
		t.Errorf("go-github reads %v, %v", limits, err)
	}
}

func TestMetaAndVersions(t *testing.T) {
	s := newSite(t)
	s.want(s.get("/meta"), http.StatusOK)
	if got, want := string(s.want(s.get("/versions"), http.StatusOK).text), `["2026-03-10","2022-11-28"]`; got != want {
		t.Errorf("versions %s, want %s", got, want)
	}
}

func TestEveryAnswerHasGitHubsHeaders(t *testing.T) {
	s := newSite(t)
	seen := map[string]bool{}
	for _, path := range []string{"/user", "/nothing/here", s.path()} {
		a := s.get(path)
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

func TestOtherPartsOfTheAPIGetItsHeaders(t *testing.T) {
	s := newSite(t)
	h := s.api.Around(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for version, want := range map[string]int{"": http.StatusNoContent, "2026-03-10": http.StatusNoContent, "v3": http.StatusBadRequest} {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil)
		r.Header.Set("X-GitHub-Api-Version", version)
		h.ServeHTTP(w, r)
		if w.Code != want || w.Header().Get("X-GitHub-Request-Id") == "" {
			t.Errorf("version %q: got %d %v, want %d", version, w.Code, w.Header(), want)
		}
	}
}

func TestPathsThatAreNotServedAre404(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/nothing", "/repos//hello", "/repos/alice/hello/", "/repos/alice/../alice/hello", "/user/", "/repos/alice/hello/actions/runs/../runs", "/%2e%2e/user"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			s.refused(s.do(method, s.url+"/api/v3"+path, s.token, nil), http.StatusNotFound, "Not Found")
		}
	}
	s.refused(s.do(http.MethodDelete, "/user", s.token, nil), http.StatusNotFound, "Not Found")
}

func TestTokensAreNotTakenFromTheQuery(t *testing.T) {
	s := newSite(t)
	s.want(s.do(http.MethodGet, "/user?access_token="+s.token, "", nil), http.StatusBadRequest)
}

func TestBadCredentialsAre401(t *testing.T) {
	s := newSite(t)
	s.refused(s.do(http.MethodGet, "/user", "ghp_wrong", nil), http.StatusUnauthorized, "Bad credentials")
	s.refused(s.do(http.MethodGet, s.path("actions/runs"), "ghp_wrong", nil), http.StatusUnauthorized, "Bad credentials")
	s.refused(s.do(http.MethodGet, "/user", "", nil), http.StatusUnauthorized, "Requires authentication")
}

func TestAnUnchangedAnswerIs304(t *testing.T) {
	s := newSite(t)
	s.pushed()
	for _, path := range []string{"/user", s.path(), s.path("actions/runs"), s.path("actions/workflows")} {
		tag := s.want(s.get(path), http.StatusOK).Header.Get("ETag")
		a := s.want(s.get(path, "If-None-Match: "+tag), http.StatusNotModified)
		if len(a.text) > 0 || a.Header.Get("Content-Type") != "" || a.Header.Get("ETag") != tag {
			t.Errorf("%s: 304 with %v %s", path, a.Header, a.text)
		}
	}
}
