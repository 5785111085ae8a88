package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func testConfig(t *testing.T) Config {
	t.Helper()
	return Config{Listen: []string{"127.0.0.1:0"}, Data: filepath.Join(t.TempDir(), "data"), JobLease: time.Minute, Drain: 5 * time.Second}
}

func testDeps(t *testing.T) Deps {
	t.Helper()
	return Deps{Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now, Random: rand.Reader, Program: "/bin/false"}
}

// A running server, and what stops it.
type running struct {
	*Server
	urls  []string
	stop  func() error // ends Run, and returns what it does
	close func()
}

func start(t *testing.T, c Config, d Deps) *running {
	t.Helper()
	s, err := New(t.Context(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan []string, 1), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(urls []string) { ready <- urls }) }()
	r := &running{Server: s}
	r.stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	r.close = sync.OnceFunc(func() {
		if err := r.stop(); err != nil {
			t.Errorf("run: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	t.Cleanup(r.close)
	select {
	case r.urls = <-ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("run ended: %v", err)
	}
	return r
}

func get(t *testing.T, client *http.Client, url, authorization string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestTheFirstStartMakesAnAdminWhoseTokenIsInAFile(t *testing.T) {
	c := testConfig(t)
	r := start(t, c, testDeps(t))
	info, err := os.Stat(c.Data)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory %v, %v; want 0700", info.Mode(), err)
	}
	path := TokenFile(c.Data)
	if info, err = os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("token file: %v, %v; want 0600", info, err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	status, body := get(t, http.DefaultClient, r.urls[0]+"/api/v3/user", "token "+strings.TrimSpace(string(first)))
	if status != http.StatusOK || !strings.Contains(body, `"site_admin":true`) {
		t.Errorf("GET /user: %d %s, want the site admin", status, body)
	}
	r.close()
	if err := os.Remove(path); err != nil { // an operator keeps it elsewhere
		t.Fatal(err)
	}
	second, err := New(t.Context(), c, testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the second start made another token")
	}
}

func TestASecondServerOnTheSameDataIsRefused(t *testing.T) {
	c := testConfig(t)
	start(t, c, testDeps(t))
	_, err := New(t.Context(), c, testDeps(t))
	if actions.KindOf(err) != actions.Conflict || !strings.Contains(err.Error(), "in use by another understudy server (process ") {
		t.Errorf("second server: %v, want a conflict that names the process", err)
	}
}

func TestADirectoryOfOtherThingsIsLeftAlone(t *testing.T) {
	c := testConfig(t)
	c.Data = t.TempDir()
	if err := os.WriteFile(filepath.Join(c.Data, "letter"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(c.Data, 0o755); err != nil { // as homes are
		t.Fatal(err)
	}
	_, err := New(t.Context(), c, testDeps(t))
	info, statErr := os.Stat(c.Data)
	if err == nil || !strings.Contains(err.Error(), "--data") || statErr != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("New: %v with mode %v; want a refusal that names --data, and 0755", err, info.Mode())
	}
}

func TestStoppingEndsPollsAndReturnsNil(t *testing.T) {
	r := start(t, testConfig(t), testDeps(t))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.urls[0], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /_runner/broker/message HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("run: %v, want nil", err)
	}
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("stopping took %s", d)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.urls[0], "http://")); err == nil {
		t.Error("the port is still open")
	}
}

func TestStreamsEndWhenTheServerDrains(t *testing.T) {
	s := newDispatcher(t)
	entered := make(chan struct{})
	s.runnerAPI = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.answer(t, http.MethodGet, "http://localhost/_runner/broker//message?status=Online", "", nil)
	}()
	<-entered
	s.drain()
	<-done
}

func TestASocketIsForThisUserOnly(t *testing.T) {
	c := testConfig(t)
	path := filepath.Join(t.TempDir(), "s")
	c.Listen = []string{"unix:" + path}
	stale, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false) // as a killed process leaves it
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	r := start(t, c, testDeps(t))
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket %v, %v; want 0600", info, err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	if status, body := get(t, client, "http://h/healthz", ""); status != http.StatusOK || body != "ok\n" {
		t.Errorf("healthz: %d %q", status, body)
	}
	if status, _ := get(t, client, "http://h/readyz", ""); status != http.StatusOK {
		t.Errorf("readyz: %d", status)
	}
	other := testConfig(t)
	other.Listen = c.Listen
	s, err := New(t.Context(), other, testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(t.Context(), func([]string) {}); err == nil || !strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server on the socket: %v, want an error that names --listen", err)
	}
	if r.base().HTML != "http://localhost" {
		t.Errorf("base %s, want one that is a URL", r.base().HTML)
	}
}

func TestAFileThatIsNoSocketIsKept(t *testing.T) {
	c := testConfig(t)
	path := filepath.Join(t.TempDir(), "letter")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Listen = []string{"127.0.0.1:0", "unix:" + path}
	s, err := New(t.Context(), c, testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(t.Context(), func([]string) {}); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("run: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, []byte("x")) {
		t.Errorf("file %q, %v", text, err)
	}
}

func TestASelfSignedCertificateServes(t *testing.T) {
	c := testConfig(t)
	c.TLSSelf, c.PublicURL = true, "https://ci.test:8443/"
	r := start(t, c, testDeps(t))
	pem, err := os.ReadFile(r.config.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(pem, []byte("PRIVATE")) {
		t.Error("the file for clients has the key")
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	for _, name := range []string{"127.0.0.1", "localhost", "ci.test", "api.ci.test"} {
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: name}}}
		if status, body := get(t, client, r.urls[0]+"/healthz", ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, body)
		}
		client.CloseIdleConnections()
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.urls[0]+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	client.CloseIdleConnections()
	if res.TLS.PeerCertificates[0].IsCA {
		t.Error("the certificate is an authority")
	}
	if got := r.base().HTML; got != "https://ci.test:8443" {
		t.Errorf("base %s, want the public URL", got)
	}
}

func TestThePortOfTheRunnersIsKeptIfItIsFree(t *testing.T) {
	s := &Server{config: testConfig(t), runnerDir: filepath.Join(t.TempDir(), "runners")}
	port := func() string {
		l, err := s.private(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l.url
	}
	first, err := s.private(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := port()
	if again != first.url {
		t.Errorf("second start at %s, want %s", again, first.url)
	}
	if other := port(); other == again {
		t.Errorf("two listeners at %s", other)
	}
}

func TestTheChecksOfGitHubsRunnerPass(t *testing.T) { // REG-5
	r := start(t, testConfig(t), testDeps(t))
	for _, path := range []string{"/_ping", "/_services/vstoken/_apis/health", "/_services/pipelines/_apis/health"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			req, err := http.NewRequestWithContext(t.Context(), method, r.urls[0]+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			if a.StatusCode != http.StatusOK || a.Header.Get("X-Github-Request-Id") == "" || a.Header.Get("X-Vss-E2eid") == "" {
				t.Errorf("%s %s: %d %v", method, path, a.StatusCode, a.Header)
			}
		}
	}
	if status, body := get(t, http.DefaultClient, r.urls[0]+"/api/v3", ""); status != http.StatusOK || !strings.Contains(body, "current_user_url") {
		t.Errorf("the root of the API: %d %s", status, body)
	}
}
