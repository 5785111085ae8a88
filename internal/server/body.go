package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// bodyTimeout is how long the body of a request may stop coming, or a client of
// git may take nothing of its answer. A push may take hours, so there is no limit
// for all of it; but a client that sends no more must not hold its connection for
// ever, nor what waits for the rest.
const bodyTimeout = time.Minute

// limitBody gives the request a body that fails when nothing of it comes for as
// long as pause. Only waiting for the client counts: after the last byte, and
// while the handler is busy otherwise, no time runs. What the handler left
// unread net/http reads, to use the connection again: call end when the handler
// has returned, so that this ends, too.
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
