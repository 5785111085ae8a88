package server

import (
	"net/http"
	"sync"
	"time"
)

// A stream is the response of one request of HTTP/2, whose deadlines can be ended for
// good: others share its connection, so that cannot be closed.
type stream struct {
	http.ResponseWriter
	rc *http.ResponseController

	mu    sync.Mutex
	ended bool
}

func newStream(w http.ResponseWriter) *stream {
	return &stream{ResponseWriter: w, rc: http.NewResponseController(w)}
}

// past is a deadline that is over.
func past() time.Time { return time.Unix(1, 0) }

// end makes all waiting for the client fail, from now on.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	_ = s.rc.SetReadDeadline(past())
	_ = s.rc.SetWriteDeadline(past())
}

// SetReadDeadline is what [http.ResponseController.SetReadDeadline] calls.
func (s *stream) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		t = past()
	}
	return s.rc.SetReadDeadline(t)
}

// SetWriteDeadline is what [http.ResponseController.SetWriteDeadline] calls.
func (s *stream) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		t = past()
	}
	return s.rc.SetWriteDeadline(t)
}

// Unwrap is for [http.ResponseController].
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }
