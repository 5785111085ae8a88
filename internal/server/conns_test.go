package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/token"
)

// dial opens a connection to a server and sends what may be half a request.
func dial(t *testing.T, url, text string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the server may have closed it
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask sends a request on a new connection, and returns the status and whether the
// server closes the connection; 0 if it does so without an answer.
func ask(t *testing.T, url, path, header string) (status int, closes bool) {
	t.Helper()
	c := dial(t, url, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n"+header+"\r\n")
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, true
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Close
}

func TestIdleConnectionsKeepNobodyOut(t *testing.T) {
	c := testConfig(t)
	c.Limit = map[string]Size{"all-connections": 64}
	r := start(t, c, testDeps(t))
	url := r.urls[0]
	for range 1100 {
		dial(t, url, "")
	}
	for range 10 {
		if status, _ := ask(t, url, "/api/v3/meta", ""); status != http.StatusOK {
			t.Fatalf("with 1,100 connections that do nothing: status %d", status)
		}
	}
}

func TestTheLastConnectionsAreForRunners(t *testing.T) {
	c := testConfig(t)
	c.Limit = map[string]Size{"all-connections": 16}
	r := start(t, c, testDeps(t))
	url := r.urls[0]
	const unfinished = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx"
	for i := range 14 {
		dial(t, url, unfinished)
		awaitInUse(t, r.conns, i+1)
	}
	now := r.now()
	runner, err := r.keys.SignRunner(token.Runner{ID: 7, ClientID: "c", Expires: now.Add(time.Hour)}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, header string
		status             int
		closes             bool
	}{
		{"anybody", "/api/v3/meta", "", http.StatusServiceUnavailable, true},
		{"a page", "/", "", http.StatusServiceUnavailable, true},
		{"health", "/healthz", "", http.StatusOK, false},
		{"a runner", "/_runner/broker/message", "Authorization: Bearer " + runner + "\r\n", http.StatusUnauthorized, false},
		{"who says to be a runner", "/_runner/broker/message", "Authorization: Bearer x\r\n", http.StatusServiceUnavailable, true},
	} {
		if status, closes := ask(t, url, c.path, c.header); status != c.status || closes != c.closes {
			t.Errorf("%s: %d, closes %v; want %d, %v", c.name, status, closes, c.status, c.closes)
		}
	}
}

// awaitInUse waits until the server has begun to read so many requests.
func awaitInUse(t *testing.T, s *conns, want int) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 20*time.Second; <-time.After(time.Millisecond) {
		s.mu.Lock()
		in := s.open - s.idle.Len()
		s.mu.Unlock()
		if in >= want {
			return
		}
	}
	t.Fatalf("%d requests have not begun", want)
}

func TestAnAddressHasItsShareOfConnections(t *testing.T) {
	v, err := limit.Defaults().With(map[string]int64{"connections": 2, "all-connections": 4})
	if err != nil {
		t.Fatal(err)
	}
	s := newConns(v)
	open := func(address string) (*conn, bool) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { _ = theirs.Close() })
		c := &conn{Conn: ours, conns: s, addr: netip.MustParseAddr(address)}
		return c, s.admit(c)
	}
	isClosed := func(c *conn) bool {
		return c.Conn.SetDeadline(time.Time{}) != nil
	}
	first, _ := open("192.0.2.1")
	second, _ := open("192.0.2.1")
	s.state(second, http.StateActive)
	third, ok := open("192.0.2.1")
	if !ok || !isClosed(first) || isClosed(second) {
		t.Errorf("the third of two: let in %v, the idle one is closed %v, the one in use %v", ok, isClosed(first), isClosed(second))
	}
	s.state(third, http.StateActive)
	if _, ok := open("192.0.2.1"); ok {
		t.Error("the third of two is let in when both are in use")
	}
	if _, ok := open("192.0.2.2"); !ok {
		t.Error("another address is not let in")
	}
	for i := range 4 { // more than there are, all of this machine
		if _, ok := open("127.0.0.1"); !ok {
			t.Errorf("connection %d of this machine is not let in", i)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != 4 || isClosed(second) || isClosed(third) || len(s.from) != 2 {
		t.Errorf("%d of 4 are open, from %d addresses", s.open, len(s.from))
	}
}

func TestAllConnectionsAreForgottenInTheEnd(t *testing.T) {
	r := start(t, testConfig(t), testDeps(t))
	for i := range 20 {
		if status, body := get(t, http.DefaultClient, r.urls[0]+"/healthz", ""); status != http.StatusOK {
			t.Fatal(i, status, body)
		}
		http.DefaultClient.CloseIdleConnections()
	}
	r.close()
	r.conns.mu.Lock()
	defer r.conns.mu.Unlock()
	if got := fmt.Sprint(r.conns.open, r.conns.idle.Len(), len(r.conns.from)); got != "0 0 0" {
		t.Errorf("open, idle, addresses: %s", got)
	}
}
