package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/understudy-ci/understudy/internal/httpjson"
)

// A named surface answers with its name, the path it got and the bases.
type named string

func (n named) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o := httpjson.Base(r)
	_, _ = io.WriteString(w, string(n)+" "+r.URL.EscapedPath()+" "+o.HTML+" "+o.API)
}

func newDispatcher(t *testing.T) *Server {
	t.Helper()
	config := testConfig(t)
	config.PublicURL, config.TrustedProxy, config.AllowedHost = "http://ci.test", []string{"10.0.0.0/8"}, []string{"h", "api.other.test"}
	s, err := New(t.Context(), config, testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.rest, s.graphql, s.runnerAPI, s.results = named("rest"), named("graphql"), named("runners"), named("results")
	s.idTokens, s.git, s.web = named("id tokens"), named("git"), named("web")
	return s
}

func (s *Server) answer(t *testing.T, method, url, peer string, header map[string]string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, url, nil)
	if peer != "" {
		r.RemoteAddr = peer
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Body.String()
}

func TestEveryRequestGoesToItsSurface(t *testing.T) {
	s := newDispatcher(t)
	for _, c := range []struct{ method, url, surface, path string }{
		{"GET", "http://h/", "web", "/"},
		{"GET", "http://h/octo/hello", "web", "/octo/hello"},
		{"GET", "http://h/actions/hello/actions", "web", "/actions/hello/actions"},
		{"GET", "http://h/actions/build", "web", "/actions/build"},
		{"GET", "http://h/actions/build/1/jobs/2/runnerresolve/actions", "web", "/actions/build/1/jobs/2/runnerresolve/actions"},
		{"POST", "http://h/actions/build/1/jobs/2/runnerresolve/actions", "runners", "/actions/build/1/jobs/2/runnerresolve/actions"},
		{"POST", "http://h//actions/build/1/jobs/2//runnerresolve/actions", "runners", "/actions/build/1/jobs/2/runnerresolve/actions"},
		{"POST", "http://h/actions/build/1/else/2/runnerresolve/actions", "web", "/actions/build/1/else/2/runnerresolve/actions"},
		{"POST", "http://h/_runner/broker//session", "runners", "/_runner/broker/session"},
		{"POST", "http://h//_runner/broker/session", "runners", "/_runner/broker/session"},
		{"GET", "http://h/_runnerx", "web", "/_runnerx"},
		{"POST", "http://h/twirp/x.Y/Z", "results", "/twirp/x.Y/Z"},
		{"PUT", "http://h/_blobs/x?sig=1", "results", "/_blobs/x"},
		{"POST", "http://h//_apis//pipelines/workflows/7/artifacts?api-version=6.0-preview", "results", "/_apis/pipelines/workflows/7/artifacts"},
		{"PUT", "http://h/_apis/resources/Containers/7?itemPath=a%2Fb", "results", "/_apis/resources/Containers/7"},
		{"GET", "http://h//_apis/artifactcache//cache?keys=a", "results", "/_apis/artifactcache/cache"},
		{"GET", "http://h/_services/token/.well-known/jwks", "id tokens", "/_services/token/.well-known/jwks"},
		{"GET", "http://h//_services//token/idtoken/1/2?api-version=2.0", "id tokens", "/_services/token/idtoken/1/2"},
		{"GET", "http://h/_services/tokens", "web", "/_services/tokens"},
		{"GET", "http://h/_apis/connectionData", "web", "/_apis/connectionData"},
		{"GET", "http://h/octo/hello.git/info/refs", "git", "/octo/hello.git/info/refs"},
		{"POST", "http://h/actions/checkout/git-upload-pack", "git", "/actions/checkout/git-upload-pack"},
		{"GET", "http://h/api/v3/user", "rest", "/user"},
		{"GET", "http://h//api//v3//user", "rest", "/user"},
		{"GET", "http://h/api/v3", "rest", ""},
		{"GET", "http://h/api/v3/repos/o/r/contents/a%2Fb", "rest", "/repos/o/r/contents/a%2Fb"},
		{"GET", "http://h/api/v33/user", "web", "/api/v33/user"},
		{"POST", "http://h/api/graphql", "graphql", "/graphql"},
		{"POST", "http://h/api/v3/actions/runner-registration", "runners", "/actions/runner-registration"},
		{"POST", "http://h//api/v3/actions/runner-registration", "runners", "/actions/runner-registration"},
		{"POST", "http://h/api/v3/actions/runners/register", "runners", "/actions/runners/register"},
		{"GET", "http://h/api/v3/repos/o/r/actions/runners", "rest", "/repos/o/r/actions/runners"},
		{"GET", "http://h/api/v3/repos/o/r/actions/runner-groups", "rest", "/repos/o/r/actions/runner-groups"},
		{"GET", "http://h/api/v3/repos/o/r/actions/runs", "rest", "/repos/o/r/actions/runs"},
		{"GET", "http://h/api/v3/repos/actions/runners/actions/runs", "rest", "/repos/actions/runners/actions/runs"},
		{"GET", "http://h/api/v3/orgs/o/actions/runners/1", "rest", "/orgs/o/actions/runners/1"},
		{"GET", "http://h/api/v3/enterprises/e/actions/runners", "rest", "/enterprises/e/actions/runners"},
		{"GET", "http://api.ci.test/user", "rest", "/user"},
		{"GET", "http://API.ci.test/api/v3/user", "rest", "/api/v3/user"},
		{"POST", "http://api.ci.test/graphql", "graphql", "/graphql"},
		{"POST", "http://api.ci.test/actions/runner-registration", "runners", "/actions/runner-registration"},
		{"GET", "http://api.other.test/user", "web", "/user"},
		{"POST", "http://api.github.localhost/actions/runner-registration", "runners", "/actions/runner-registration"},
		{"POST", "http://api.CI.ghe.localhost:3000/actions/runners/register", "runners", "/actions/runners/register"},
		{"GET", "http://api.ci.ghe.localhost/repos/o/r/actions/runners?name=x", "rest", "/repos/o/r/actions/runners"},
		{"POST", "http://github.localhost/api/v3/actions/runner-registration", "runners", "/actions/runner-registration"},
		{"GET", "http://api.ci.localhost/user", "web", "/user"},
		{"GET", "http://api.ghe.localhost/user", "web", "/user"},
	} {
		got := s.answer(t, c.method, c.url, "", nil)
		want := c.surface + " " + c.path + " "
		if len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%s %s: %q, want %q", c.method, c.url, got, want)
		}
	}
}

func TestTheHostOfTheAPIHasItsOwnBase(t *testing.T) {
	s := newDispatcher(t)
	if got, want := s.answer(t, "GET", "http://api.ci.test/user", "", nil), "rest /user http://ci.test http://api.ci.test"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := s.answer(t, "GET", "http://api.github.localhost:3000/user", "", nil), "rest /user http://github.localhost:3000 http://api.github.localhost:3000"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOnlyListedProxiesAreBelieved(t *testing.T) {
	s := newDispatcher(t)
	forwarded := map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test, ci.test", "X-Forwarded-Prefix": "/sub/"}
	for _, c := range []struct {
		name, peer string
		header     map[string]string
		want       string
	}{
		{"listed", "10.1.2.3:99", forwarded, "web /x https://ci.test/sub https://ci.test/sub/api/v3"},
		{"listed, IPv4 in IPv6", "[::ffff:10.1.2.3]:99", forwarded, "web /x https://ci.test/sub https://ci.test/sub/api/v3"},
		{"two, listed", "10.1.2.3:99", map[string]string{
			"X-Forwarded-For": "192.0.2.7, 198.51.100.1, 10.0.0.1", "X-Forwarded-Proto": "http, https, http", "X-Forwarded-Host": "evil.test, ci.test, inner",
		}, "web /x https://ci.test https://ci.test/api/v3"},
		{"two, of which the outer one says all", "10.1.2.3:99", map[string]string{
			"X-Forwarded-For": "192.0.2.7, 10.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "ci.test",
		}, "web /x https://ci.test https://ci.test/api/v3"},
		{"not listed", "192.0.2.1:99", forwarded, "web /x http://h http://h/api/v3"},
		{"no address", "@", forwarded, "web /x http://h http://h/api/v3"},
		{"silent", "10.1.2.3:99", nil, "web /x http://h http://h/api/v3"},
		{"nonsense", "10.1.2.3:99", map[string]string{"X-Forwarded-Proto": "javascript", "X-Forwarded-Host": "a/b", "X-Forwarded-Prefix": "//evil.test"}, "web /x http://h http://h/api/v3"},
		{"markup", "10.1.2.3:99", map[string]string{"X-Forwarded-Host": "<script>", "X-Forwarded-Prefix": `/"><script>`}, "web /x http://h http://h/api/v3"},
		{"API host", "10.1.2.3:99", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.ci.test"}, "rest /x https://ci.test https://api.ci.test"},
	} {
		if got := s.answer(t, "GET", "http://h/x", c.peer, c.header); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAHostThatIsNoneIsRefused(t *testing.T) {
	s := newDispatcher(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Host = "a b"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("status %d, want 400", w.Code)
	}
}
