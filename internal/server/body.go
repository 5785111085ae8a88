package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// bodyTimeout is the longest pause in the body of a request, or in how a git
// client reads its response. A push may take hours, so there is no limit on the
// whole; but a client that stops sending must not hold its connection forever,
// nor what waits for the rest.
const bodyTimeout = time.Minute

// limitBody gives the request a body whose reads fail when the client sends
// nothing for as long as pause. Only waiting for the client counts: not the time
// after the last byte, nor while the handler does something else. net/http reads
// what the handler left unread, to use the connection again: call end when the
// handler has returned, so that the limit covers this too.
func limitBody(w http.ResponseWriter, r *http.Request, now func() time.Time, pause time.Duration) (limited *http.Request, end func()) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, func() {}
	}
	b := &limitedBody{ReadCloser: r.Body, rc: http.NewResponseController(w), now: now, pause: pause}
	b.start()
	limited = r.WithContext(r.Context()) // a copy
	limited.Body = b
	return limited, func() {
		if !b.over {
			b.start()
		}
	}
}

type limitedBody struct {
	io.ReadCloser
	rc    *http.ResponseController
	now   func() time.Time
	pause time.Duration
	over  bool // there is no more to read
}

// Read implements [io.Reader].
func (b *limitedBody) Read(p []byte) (int, error) {
	b.start()
	n, err := b.ReadCloser.Read(p)
	b.stop()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("nothing has come for %s: %w", b.pause, os.ErrDeadlineExceeded)
	case err != nil:
		b.over = true
	}
	return n, err
}

// A connection without deadlines, as of tests, has none to set.
func (b *limitedBody) start() { _ = b.rc.SetReadDeadline(b.now().Add(b.pause)) }
func (b *limitedBody) stop()  { _ = b.rc.SetReadDeadline(time.Time{}) }
