package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stalled sends a request whose body stops after its first bytes, and returns
// all that comes back until the server hangs up.
func stalled(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, end := limitBody(w, r, time.Now, 50*time.Millisecond)
		defer end()
		h(w, r)
	}))
	defer hs.Close()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", hs.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nword\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("the connection stays open: %v", err)
	}
	return string(answer)
}

func TestABodyThatStopsComingEnds(t *testing.T) {
	read := make(chan error, 1)
	stalled(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
	})
	if err := <-read; err == nil || err.Error() != "too little has come for 50ms: i/o timeout" {
		t.Errorf("got %v, want an error that says so", err)
	}
}

// A body that comes drop by drop held its connection, and what waited for it, for hours.
func TestABodyThatComesTooSlowlyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		var sender sync.WaitGroup
		sender.Go(func() {
			for {
				if _, err := theirs.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", ours)
		r, _ = limitBody(&deadlines{httptest.NewRecorder(), ours}, r, time.Now, progressTime)
		begin := time.Now()
		n, err := io.Copy(io.Discard, r.Body)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != progressTime {
			t.Errorf("%d bytes in %s, %v", n, time.Since(begin), err)
		}
		ours.Close()
		sender.Wait()
	})
}

// deadlines sets those of a connection.
type deadlines struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (d *deadlines) SetReadDeadline(t time.Time) error { return d.conn.SetReadDeadline(t) }

func TestABodyThatNobodyReadsHoldsNoConnection(t *testing.T) {
	stalled(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	stalled(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := bufio.NewReader(r.Body).ReadByte(); err != nil {
			t.Errorf("first byte: %v", err)
		}
	})
}

func TestARequestWhoseBodyHasComeMayTakeItsTime(t *testing.T) {
	const pause = 20 * time.Millisecond
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, end := limitBody(w, r, time.Now, pause)
		defer end()
		first := make([]byte, 1)
		for range 2 { // between two reads, and after the last
			if _, err := io.ReadFull(r.Body, first); err != nil {
				t.Errorf("body: %v", err)
			}
			ctx, cancel := context.WithTimeout(r.Context(), 5*pause)
			<-ctx.Done()
			cancel()
		}
		if _, err := r.Body.Read(first); err != io.EOF {
			t.Errorf("end of the body: %v", err)
		}
		ctx, cancel := context.WithTimeout(r.Context(), 5*pause)
		defer cancel()
		<-ctx.Done()
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request was given up: %v", err)
		}
	}))
	defer hs.Close()
	body, send := io.Pipe()
	go func() {
		_, _ = io.WriteString(send, "ab")
		_ = send.Close()
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hs.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := hs.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}
