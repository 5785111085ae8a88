package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/limit"
)

func TestAClientMustTakeAPieceInTime(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration
		takes int
		want  error
	}{
		{"all at once", 0, 1 << 20, nil},
		{"a piece in just less than the time", progressTime - time.Second, progressBytes, nil},
		{"a piece in more", progressTime + time.Second, progressBytes, os.ErrDeadlineExceeded},
		{"little, often enough", progressTime / 100, progressBytes / 50, nil},
		{"drop by drop", time.Second, 1, os.ErrDeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			server := patientConn(ours)
			var client sync.WaitGroup
			client.Go(func() {
				defer theirs.Close()
				for {
					time.Sleep(c.every)
					if _, err := io.CopyN(io.Discard, theirs, int64(c.takes)); err != nil {
						return
					}
				}
			})
			_, err := server.Write(make([]byte, 8*progressBytes))
			if !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			}
			server.Close()
			client.Wait()
		})
	}
}

func patientConn(nc net.Conn) *conn {
	return &conn{Conn: nc, now: time.Now, sent: progress{time: progressTime}, conns: newConns(limit.Defaults())}
}

func TestAStreamMayBeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		server := patientConn(ours)
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		for range 100 {
			if _, err := server.Write([]byte(": still here\n\n")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		server.Close()
	})
}

func TestADeadlineFromAboveHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		server := patientConn(ours)
		begin := time.Now()
		if err := server.SetDeadline(begin.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("got %v after %s", err, time.Since(begin))
		}
	})
}

// Twelve clients that did not read held 1.9 GB for ever.
func TestAnAnswerThatNobodyReadsIsGivenUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const size = 1 << 30
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(w http.ResponseWriter) error{
		"from memory": func(w http.ResponseWriter) error {
			_, err := w.Write(make([]byte, 64<<20))
			return err
		},
		"from a file": func(w http.ResponseWriter) error {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			w.Header().Set("Content-Length", strconv.Itoa(size))
			_, err = io.CopyN(w, f, size)
			return err
		},
	} {
		for _, protocol := range []int{1, 2} {
			t.Run(name+", HTTP/"+strconv.Itoa(protocol), func(t *testing.T) { givesUp(t, protocol, write) })
		}
	}
}

// givesUp tries with a longer pause where the client did not even get as far as not to
// read: on a machine with much to do the server waits for it in vain before.
func givesUp(t *testing.T, protocol int, write func(w http.ResponseWriter) error) {
	t.Helper()
	const longest = 10 * time.Second
	for pause := 50 * time.Millisecond; ; pause *= 4 {
		err := givesUpAfter(t, pause, protocol, write)
		if err == nil {
			return
		}
		if pause >= longest {
			t.Fatal(err)
		}
	}
}

// givesUpAfter returns the error of a client that asks and does not read, or reads.
func givesUpAfter(t *testing.T, pause time.Duration, protocol int, write func(w http.ResponseWriter) error) error {
	t.Helper()
	given := make(chan error, 1)
	hs := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/other" {
			return
		}
		given <- write(newResponse(w, r, nil, time.Now, pause))
	}))
	hs.Listener = &connListener{hs.Listener, newConns(limit.Defaults()), time.Now, pause}
	hs.EnableHTTP2 = protocol == 2
	hs.StartTLS()
	defer hs.Close()
	defer hs.CloseClientConnections()
	get := func(path string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, hs.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := hs.Client().Do(req)
		if err == nil && resp.ProtoMajor != protocol {
			t.Errorf("HTTP/%d", resp.ProtoMajor)
		}
		return resp, err
	}
	resp, err := get("/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	select {
	case err := <-given:
		if err == nil {
			t.Error("it was sent to somebody who does not read")
		}
	case <-time.After(20*time.Second + 2*pause):
		t.Fatal("the handler still writes")
	}
	other, err := get("/other")
	if err != nil {
		return err
	}
	return other.Body.Close()
}
