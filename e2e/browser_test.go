package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// browser names the program that shows pages. Without it there are no tests of them.
const browser = "UNDERSTUDY_TEST_BROWSER"

// A page of another site uses the API with a token by @octokit/rest in Chromium, which
// tells a page nothing that the server does not let it.
func TestAPageOfAnotherSiteUsesTheAPIByOctokit(t *testing.T) {
	t.Parallel()
	if os.Getenv(browser) == "" {
		t.Skipf("no browser: %s names one", browser)
	}
	needToolkit(t)
	script, err := bundles["browser"]()
	if err != nil {
		t.Fatal(err)
	}
	r := startServer(t).newRepository("hello")
	var ids []int64 // the newest first, as listed
	var last *run
	for i := range 5 {
		last = r.pushWorkflow(fmt.Sprintf("on: push\njobs: {only: {runs-on: ubuntu-latest, steps: [{run: 'echo this is run %d'}]}}\n", i+1))
		r.succeed(last)
		ids = slices.Insert(ids, 0, last.ID)
	}

	var told struct {
		Error                                string
		Headers                              map[string]string
		First, All                           []int64
		Log                                  string
		Unchanged, Missing, Wrong, Anonymous struct {
			Status  int
			Message string
			Limit   string
		}
	}
	text := visit(t, script, url.Values{"api": {r.url + "/api/v3"}, "token": {r.token}, "owner": {"admin"}, "repo": {"hello"}, "job": {fmt.Sprint(r.jobs(last)[0].ID)}})
	if err := json.Unmarshal(text, &told); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if told.Error != "" {
		t.Fatal(told.Error)
	}
	if !slices.Equal(told.First, ids[:2]) || !slices.Equal(told.All, ids) {
		t.Errorf("runs %v, then all %v; want %v", told.First, told.All, ids)
	}
	if !strings.Contains(told.Log, "this is run 5") {
		t.Errorf("the redirect to the log led to %q", told.Log)
	}
	for _, header := range []string{"etag", "link", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-oauth-scopes", "x-github-request-id"} {
		if told.Headers[header] == "" {
			t.Errorf("the page sees no header %s in %v", header, told.Headers)
		}
	}
	for name, c := range map[string]struct{ got, want int }{
		"what has not changed": {told.Unchanged.Status, http.StatusNotModified},
		"what is not there":    {told.Missing.Status, http.StatusNotFound},
		"a wrong token":        {told.Wrong.Status, http.StatusUnauthorized},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", name, c.got, c.want)
		}
	}
	if !strings.HasPrefix(told.Wrong.Message, "Bad credentials") || told.Wrong.Limit == "" {
		t.Errorf("a wrong token: %+v", told.Wrong)
	}
	if !strings.Contains(told.Anonymous.Message, "Failed to fetch") {
		t.Errorf("without a token: %+v", told.Anonymous)
	}
	var variable struct{ Value string }
	if r.do(http.MethodGet, r.api+"/actions/variables/FROM_A_PAGE", nil, &variable); variable.Value != "yes" {
		t.Errorf("the page has set %q", variable.Value)
	}
}

// visit lets the browser show a page with a script, on a site of its own, and returns what
// the script posts to /told.
func visit(t *testing.T, script string, query url.Values) []byte {
	t.Helper()
	told := make(chan []byte, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><title>A page</title><script type="module" src="/script.mjs"></script>`))
	})
	mux.HandleFunc("GET /script.mjs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte(script))
	})
	mux.HandleFunc("POST /told", func(w http.ResponseWriter, r *http.Request) {
		var text json.RawMessage
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&text); err != nil {
			text, _ = json.Marshal(map[string]string{"error": err.Error()}) // of strings
		}
		told <- text
	})
	site := httptest.NewServer(mux)
	defer site.Close()

	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(browser), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+filepath.Join(dir, "profile"), site.URL+"/?"+query.Encode())
	cmd.Env = environment(t)
	ended := startGroup(t, cmd)
	select {
	case text := <-told:
		return text
	case <-ended:
		t.Fatalf("the browser ended: %v", cmd.ProcessState)
	case <-ctx.Done():
		t.Fatal("the page tells nothing")
	}
	return nil
}

// startGroup starts a command that starts others. They end with the test, which shows what
// they have printed if it fails.
func startGroup(t *testing.T, cmd *exec.Cmd) (ended <-chan struct{}) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &said, &said, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // the state tells
	}()
	t.Cleanup(func() {
		until(t, "processes outlive their end", func() bool { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) != nil })
		<-done
		if t.Failed() {
			t.Logf("%s:\n%s", cmd.Path, &said)
		}
	})
	return done
}
