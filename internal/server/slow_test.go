package server

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestAnAnswerThatNobodyReadsIsGivenUp(t *testing.T) {
	given := make(chan struct{})
	endless := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 1<<16)
		for {
			if _, err := w.Write(piece); err != nil {
				close(given)
				return
			}
		}
	})
	hs := httptest.NewServer(limitSlowReaders(endless, time.Now, 50*time.Millisecond))
	defer hs.Close()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", hs.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-given:
	case <-time.After(20 * time.Second):
		t.Error("the handler still writes")
	}
}
