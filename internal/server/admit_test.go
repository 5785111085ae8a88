package server_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/token"
)

// newLimited is a server behind a proxy, so that requests of a test come from
// anywhere, with limits of its own.
func newLimited(t *testing.T, limits map[string]servertest.Size) *servertest.Site {
	t.Helper()
	return servertest.New(t, servertest.WithConfig(func(c *servertest.Config) {
		c.TrustedProxy, c.Limit = []string{"127.0.0.1", "198.51.100.0/24"}, limits
	}))
}

const from = "X-Forwarded-For: "

func TestWhoComesTooOftenIsToldSoAsGitHubDoes(t *testing.T) {
	s := newLimited(t, map[string]servertest.Size{"account-requests": 1})
	alice, bob := s.Token(s.User("alice"), "repo"), s.Token(s.User("bob"), "repo")
	const saved = 60
	get := func(token string) *servertest.Reply {
		return s.Do(http.MethodGet, servertest.API+"/user", token, nil, from+"192.0.2.1")
	}
	for i := range saved {
		a := s.Want(get(alice), http.StatusOK)
		if left := a.Header.Get("X-RateLimit-Remaining"); i == 0 && left != strconv.Itoa(saved-1) {
			t.Errorf("after the first request %s remain", left)
		}
	}
	a := get(alice)
	for tries := 0; a.StatusCode == http.StatusOK && tries < saved; tries++ { // seconds have passed meanwhile
		a = get(alice)
	}
	s.Want(a, http.StatusTooManyRequests)
	h := a.Header
	if h.Get("Retry-After") != "1" || h.Get("X-RateLimit-Remaining") != "0" || h.Get("X-RateLimit-Limit") != "60" || h.Get("X-RateLimit-Used") != "60" {
		t.Errorf("headers %v", h)
	}
	problem := a.JSON(t)
	if !strings.HasPrefix(problem["message"].(string), "API rate limit exceeded for user ID ") || problem["status"] != "429" ||
		problem["documentation_url"] != "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-primary-rate-limits" {
		t.Errorf("got %v", problem)
	}
	s.Want(get(bob), http.StatusOK)
	free := s.Want(s.Do(http.MethodGet, servertest.API+"/rate_limit", alice, nil, from+"192.0.2.1"), http.StatusOK)
	core := free.JSON(t)["resources"].(map[string]any)["core"].(map[string]any)
	if core["limit"] != 60.0 || core["remaining"].(float64) > 2 || core["used"].(float64) < 58 {
		t.Errorf("rate_limit says %v", core)
	}
	gh, err := github.NewClient(github.WithTransport(proxied{}), github.WithAuthToken(alice), github.WithEnterpriseURLs(s.URL, s.URL))
	s.Must(err)
	for err == nil {
		_, _, err = gh.Users.Get(t.Context(), "")
	}
	if limited, ok := errors.AsType[*github.RateLimitError](err); !ok || limited.Response.StatusCode != http.StatusTooManyRequests || limited.Rate.Limit != saved {
		t.Errorf("go-github reads %v", err)
	}
}

// proxied sends requests as the proxy of newLimited does.
type proxied struct{}

func (proxied) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", "192.0.2.1")
	return http.DefaultTransport.RoundTrip(r)
}

func TestAnAddressIsWhatTheLastTrustedProxySays(t *testing.T) {
	s := newLimited(t, map[string]servertest.Size{"address-requests": 1})
	exhaust := func(hops ...string) (refused bool) {
		t.Helper()
		headers := make([]string, len(hops))
		for i, h := range hops {
			headers[i] = from + h
		}
		for range 200 {
			a := s.Do(http.MethodGet, servertest.API+"/meta", "", nil, headers...)
			if a.StatusCode == http.StatusTooManyRequests {
				return true
			}
		}
		return false
	}
	if !exhaust("192.0.2.1") {
		t.Fatal("an address is never refused")
	}
	for _, c := range []struct {
		name, hops string
		want       int
	}{
		{"the same by two proxies", "192.0.2.1, 198.51.100.7", http.StatusTooManyRequests},
		{"the same that claims to be another", "203.0.113.5, 192.0.2.1", http.StatusTooManyRequests},
		{"the same that claims to be this machine", "127.0.0.1, 192.0.2.1", http.StatusTooManyRequests},
		{"another", "192.0.2.2", http.StatusOK},
		{"another that claims to be the same", "192.0.2.1, 192.0.2.2", http.StatusOK},
		{"one by IPv6", "2001:db8::1", http.StatusOK},
	} {
		if got := s.Do(http.MethodGet, servertest.API+"/meta", "", nil, from+c.hops).StatusCode; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if !exhaust("nonsense") {
		t.Error("a proxy that says nothing is nobody's own machine")
	}
	s.Want(s.Do(http.MethodGet, servertest.API+"/user", s.AdminToken, nil, from+"192.0.2.1"), http.StatusOK)
	s.Want(s.Do(http.MethodGet, "/healthz", "", nil, from+"192.0.2.1"), http.StatusOK)
}

func TestTheServersOwnMachineHasNoRate(t *testing.T) {
	s := servertest.New(t, servertest.WithConfig(func(c *servertest.Config) {
		c.Limit = map[string]servertest.Size{"account-requests": 1, "address-requests": 1, "requests": 1}
	}))
	for range 100 {
		for _, token := range []string{"", s.AdminToken} {
			a := s.Want(s.Do(http.MethodGet, servertest.API+"/meta", token, nil), http.StatusOK)
			if a.Header.Get("X-RateLimit-Remaining") != a.Header.Get("X-RateLimit-Limit") {
				t.Fatalf("%s of %s remain", a.Header.Get("X-RateLimit-Remaining"), a.Header.Get("X-RateLimit-Limit"))
			}
		}
	}
}

// Clients of the storage try again after 503, and give up after 429.
func TestTheStorageAndRunnersAreToldToTryAgain(t *testing.T) {
	s := newLimited(t, map[string]servertest.Size{"job-requests": 1, "runner-requests": 1, "repository-requests": 1, "address-requests": 1})
	now := s.Now()
	job, err := s.Keys.SignJob(token.Job{ID: 7, RunID: 1, RepoID: 1, GUID: "g", PlanGUID: "p", Acquired: now, Expires: now.Add(time.Hour)}, now)
	s.Must(err)
	runner, err := s.Keys.SignRunner(token.Runner{ID: 7, ClientID: "c", Expires: now.Add(time.Hour)}, now)
	s.Must(err)
	const path = "/_blobs/logs/job-logs"
	query, err := s.Keys.SignURL(path, token.Grant{
		Host: "127.0.0.1", Purpose: "job-logs", Methods: []string{http.MethodGet}, Object: "1.1", GUID: "g", RepoID: 1, Expires: now.Add(time.Minute),
	})
	s.Must(err)
	for name, c := range map[string]struct{ method, path, token string }{
		"an OIDC token":      {http.MethodGet, "/_services/token/idtoken/1/2?api-version=2.0", job},
		"a service of a job": {http.MethodPost, "/twirp/github.actions.results.api.v1.ArtifactService/ListArtifacts", job},
		"an older service":   {http.MethodGet, "/_apis/artifactcache/cache?keys=a&version=b", job},
		"a runner":           {http.MethodPost, "/_runner/broker/acknowledge", runner},
		"a job's runner":     {http.MethodPost, "/_runner/run/renewjob", job},
		"a signed URL":       {http.MethodGet, path + "?" + query, ""},
		"an unsigned one":    {http.MethodGet, path + "?sig=x", ""},
	} {
		status := 0
		var a *servertest.Reply
		for tries := 0; status != http.StatusServiceUnavailable && tries < 200; tries++ {
			a = s.Do(c.method, c.path, c.token, nil, from+"192.0.2.1")
			if status = a.StatusCode; status == http.StatusTooManyRequests {
				t.Errorf("%s: 429: %s", name, a.Text)
			}
		}
		if status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q", name, status, a.Header.Get("Retry-After"))
		}
	}
}

func TestFetchesOfACallerWaitForEachOther(t *testing.T) {
	s := newLimited(t, map[string]servertest.Size{"fetches": 1})
	repo := s.Repository(s.Admin, "r", false)
	s.Push(repo, "main", s.AdminToken, map[string]string{"a": "b"})
	for range 3 {
		s.RunGit(t.TempDir(), "clone", "-q", s.Remote(repo, s.AdminToken), "x")
	}
}
