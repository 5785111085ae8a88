package openapitest

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// shared is the suite of the process, whose working directory is that of the
// package under test.
var shared = sync.OnceValues(func() (*suite, error) {
	return load(filepath.Join("testdata", "exceptions.txt"))
})

// prefix is where a server of one's own has the API.
const prefix = "/api/v3"

// A Checker reports to one test what is wrong with the answers it sees.
type Checker struct {
	t     testing.TB
	suite *suite // nil where npm has not been run

	reported sync.Map // the problems that are known, by operation, status and place
}

// New returns a checker that reports to t. Where the descriptions are not
// installed it says so and checks nothing, unless
// UNDERSTUDY_TEST_REQUIRE_OPENAPI is set: then the test fails.
func New(t testing.TB) *Checker {
	t.Helper()
	s, err := shared()
	switch {
	case err == nil:
		return &Checker{t: t, suite: s}
	case installed(err) || os.Getenv("UNDERSTUDY_TEST_REQUIRE_OPENAPI") != "":
		t.Fatalf("GitHub's description: %v", err)
	}
	t.Logf("answers are not checked against GitHub's description: run npm ci (%v)", err)
	return &Checker{t: t}
}

// Check reports what is wrong with an answer to a request, each problem of an
// operation once. It takes requests below /api/v3, or with a host that begins with
// "api.", and ignores others: they are not GitHub's REST API. The body is that of
// res, read.
func (c *Checker) Check(req *http.Request, res *http.Response, body []byte) {
	c.t.Helper()
	path, ok := pathOf(req)
	if !ok || c.suite == nil || req.Method == http.MethodHead {
		return
	}
	id, problems, err := c.suite.check(answer{
		method: req.Method, path: path, version: req.Header.Get("X-GitHub-Api-Version"),
		status: res.StatusCode, header: res.Header, body: body,
	})
	if err != nil {
		c.t.Errorf("%s %s: GitHub's description: %v", req.Method, req.URL, err)
	}
	for _, p := range problems {
		if c.suite.exceptions.excuse(id, p.what) {
			continue
		}
		if _, again := c.reported.LoadOrStore(fmt.Sprint(id, res.StatusCode, p.what), true); !again {
			c.t.Errorf("%s %s (%s) answered %d, not as GitHub's description says: %s: %s", req.Method, req.URL, id, res.StatusCode, p.what, p.detail)
		}
	}
}

// pathOf returns the path of a request as the description writes it.
func pathOf(req *http.Request) (path string, ok bool) {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	path, ok = strings.CutPrefix(req.URL.EscapedPath(), prefix)
	if ok && path != "" && path[0] != '/' {
		return "", false // /api/v30
	}
	if path == "" {
		path = "/"
	}
	return path, ok || strings.HasPrefix(host, "api.") && path != "/graphql"
}

// Transport sends requests by base and checks the answers. It is for the
// http.Client of a test.
func (c *Checker) Transport(base http.RoundTripper) http.RoundTripper {
	return transport{c, base}
}

type transport struct {
	checker *Checker
	base    http.RoundTripper
}

// RoundTrip sends a request and reads its whole answer, to check it.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if _, ok := pathOf(req); !ok {
		return res, nil
	}
	body, err := io.ReadAll(res.Body)
	if closeErr := res.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("body of %s %s: %w", req.Method, req.URL, err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	t.checker.t.Helper()
	t.checker.Check(req, res, body)
	return res, nil
}

// Main runs the tests of a package for its TestMain and returns the exit
// status. A full run that leaves an exception unused fails.
func Main(m *testing.M) int {
	code := m.Run()
	if code != 0 || !fullRun() {
		return code
	}
	s, err := shared()
	if err != nil {
		return code // each checker has said so
	}
	for _, line := range s.exceptions.unused() {
		fmt.Fprintln(os.Stderr, line)
		code = 1
	}
	return code
}

// fullRun reports whether the flags leave no test out.
func fullRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}
