package rest_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestAMediaTypeThatIsNoneOfGitHubsIs415(t *testing.T) {
	s := resttest.New(t)
	for accept, want := range map[string]int{
		"*/*": 200, "application/json": 200, "application/*;q=0.5": 200, "application/vnd.github+json": 200, "application/vnd.github.v3.raw": 200,
		"application/vnd.github.machine-man-preview+json": 200, "text/html, */*;q=0.8": 200, "": 200,
		"text/html": 415, "application/vnd.heroku+json; version=3": 415, "text/plain,image/*": 415, "application/xml": 415, "json": 415,
	} {
		a := s.Get("/user", "Accept: "+accept)
		if a.StatusCode != want {
			t.Errorf("%s: %d, want %d", accept, a.StatusCode, want)
		}
		if want == 415 && a.JSON(t)["message"] != "Unsupported 'Accept' header: '"+accept+"'. Must accept 'application/json'." {
			t.Errorf("%s: %s", accept, a.Text)
		}
	}
}

func TestPagesOfOtherSitesNeedAToken(t *testing.T) {
	for _, anonymous := range []bool{false, true} {
		site := servertest.New(t, servertest.WithConfig(func(c *servertest.Config) { c.CORSAnonymous = anonymous }))
		token := site.Token(site.User("mona"), "repo")
		want := func(name string, a *servertest.Reply, status int, may bool) {
			t.Helper()
			got := a.Header.Get("Access-Control-Allow-Origin")
			if a.StatusCode != status || (got == "*") != may || got != "" && got != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: %d, origin %q; want %d, %t", name, a.StatusCode, got, status, may)
			}
			if may && !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Link") {
				t.Errorf("%s: it does not show its headers", name)
			}
		}
		const origin, asks = "Origin: https://other.example", "Access-Control-Request-Method: GET"
		for _, path := range []string{servertest.API + "/user", "/api/graphql"} {
			a := site.Do(http.MethodOptions, path, "", nil, origin, asks, "Access-Control-Request-Headers: authorization, x-github-api-version")
			want("before a call with a token", a, http.StatusNoContent, true)
			if !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Authorization") || a.Header.Get("Access-Control-Max-Age") == "" {
				t.Errorf("%s: headers %v", path, a.Header)
			}
			want("before a call without one", site.Do(http.MethodOptions, path, "", nil, origin, asks), http.StatusNoContent, anonymous)
		}
		want("a call with a token", site.Do(http.MethodGet, servertest.API+"/user", token, nil, origin), http.StatusOK, true)
		want("one that fails", site.Do(http.MethodGet, servertest.API+"/nothing", token, nil, origin), http.StatusNotFound, true)
		want("a call without one", site.Do(http.MethodGet, servertest.API+"/meta", "", nil, origin), http.StatusOK, anonymous)
		want("no question of a browser", site.Do(http.MethodOptions, servertest.API+"/user", "", nil), http.StatusNotFound, anonymous)
	}
}

func TestLargeAnswersAreCompressedForWhoAsks(t *testing.T) {
	s := servertest.New(t)
	mona := s.User("mona")
	token := s.Token(mona, "repo", "workflow")
	repo := s.Repository(mona, "hello", true)
	s.Push(repo, "main", token, map[string]string{".github/workflows/hello.yml": resttest.HelloWorkflow})
	get := func(path string, headers ...string) *servertest.Reply {
		return s.Do(http.MethodGet, servertest.API+path, token, nil, headers...)
	}
	for _, path := range []string{"/repos/mona/hello", "/repos/mona/hello/actions/runs"} {
		plain := get(path, "Accept-Encoding: identity")
		packed := s.Want(get(path, "Accept-Encoding: br, gzip;q=0.5"), http.StatusOK)
		if packed.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(packed.Header.Get("Vary"), "Accept-Encoding") || len(packed.Text) >= len(plain.Text) {
			t.Fatalf("%s: %d bytes, %v", path, len(packed.Text), packed.Header)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed.Text))
		s.Must(err)
		text, err := io.ReadAll(z)
		s.Must(err)
		if !bytes.Equal(text, plain.Text) {
			t.Errorf("%s: %s", path, text)
		}
		if etag := plain.Header.Get("ETag"); etag != packed.Header.Get("ETag") || !strings.HasPrefix(etag, "W/") {
			t.Errorf("%s: ETag %s and %s", path, etag, packed.Header.Get("ETag"))
		}
		again := s.Want(get(path, "Accept-Encoding: gzip", "If-None-Match: "+packed.Header.Get("ETag")), http.StatusNotModified)
		if again.Header.Get("Content-Encoding") != "" || len(again.Text) > 0 {
			t.Errorf("304 with %v", again.Header)
		}
		for _, no := range []string{"gzip;q=0", "br", ""} {
			if a := get(path, "Accept-Encoding: "+no); a.Header.Get("Content-Encoding") != "" {
				t.Errorf("%q: %v", no, a.Header)
			}
		}
	}
	if small := get("/meta", "Accept-Encoding: gzip"); small.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d bytes are compressed", len(small.Text))
	}
}

func TestTheRootIsFoundWithoutASlash(t *testing.T) {
	s := resttest.New(t)
	for _, path := range []string{"", "/"} {
		if root := s.Want(s.Site.Do(http.MethodGet, servertest.API+path, "", nil), http.StatusOK).JSON(t); root["current_user_url"] != s.URL+"/api/v3/user" {
			t.Errorf("%s%s: %v", servertest.API, path, root)
		}
	}
}
