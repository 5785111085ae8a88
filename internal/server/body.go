package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// limitBody gives the request a body whose reads fail when the client sends too
// little ([progress]). Only waiting for the client counts: not the time after the last
// byte, nor while the handler does something else. net/http reads what the handler
// left unread, to use the connection again: call end when the handler has returned,
// so that the limit covers this too.
func limitBody(w http.ResponseWriter, r *http.Request, now func() time.Time, pause time.Duration) (limited *http.Request, end func()) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, func() {}
	}
	b := &limitedBody{ReadCloser: r.Body, rc: http.NewResponseController(w), now: now, come: progress{time: pause}}
	b.start()
	limited = r.WithContext(r.Context()) // a copy
	limited.Body = b
	return limited, func() {
		if !b.isOver() {
			b.start()
		}
	}
}

type limitedBody struct {
	io.ReadCloser
	rc  *http.ResponseController
	now func() time.Time

	mu   sync.Mutex // a handler may be done before whoever reads for it is
	come progress
	over bool // there is no more to read

	hold func(n int) error // is told of what is kept in memory until the request is over; nil if nothing is
	kept int               // bytes that it was not told of yet
}

// keep makes hold hear of the bytes of a body that is kept in memory.
func keep(r *http.Request, hold func(n int) error) {
	if b, ok := r.Body.(*limitedBody); ok {
		b.hold = hold
	}
}

// Read implements [io.Reader].
func (b *limitedBody) Read(p []byte) (int, error) {
	begin := b.start()
	n, err := b.ReadCloser.Read(p)
	b.stop()
	return n, b.read(n, begin, err)
}

// read notes what a read has brought, and returns its error.
func (b *limitedBody) read(n int, begin time.Time, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.come.moved(n, b.now().Sub(begin))
	if b.kept += n; b.hold != nil && b.kept >= progressBytes {
		if e := b.hold(b.kept); err == nil {
			err = e
		}
		b.kept = 0
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("too little has come for %s: %w", b.come.time, os.ErrDeadlineExceeded)
	case err != nil:
		b.over = true
	}
	return err
}

func (b *limitedBody) isOver() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}

// A connection without deadlines, as of tests, has none to set.
func (b *limitedBody) start() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	begin := b.now()
	_ = b.rc.SetReadDeadline(begin.Add(b.come.left()))
	return begin
}

func (b *limitedBody) stop() { _ = b.rc.SetReadDeadline(time.Time{}) }
