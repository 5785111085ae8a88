package server

import (
	"net/http"
	"time"
)

// limitSlowReaders makes h give up an answer of which the client takes nothing
// for as long as pause. It is for git, whose processes wait for the client.
func limitSlowReaders(h http.Handler, now func() time.Time, pause time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&limitedWriter{ResponseWriter: w, rc: http.NewResponseController(w), now: now, pause: pause}, r)
	})
}

type limitedWriter struct {
	http.ResponseWriter
	rc    *http.ResponseController
	now   func() time.Time
	pause time.Duration
}

// Write implements [io.Writer].
func (w *limitedWriter) Write(p []byte) (int, error) {
	w.start()
	defer w.stop()
	return w.ResponseWriter.Write(p)
}

// FlushError is what [http.ResponseController.Flush] calls.
func (w *limitedWriter) FlushError() error {
	w.start()
	defer w.stop()
	return w.rc.Flush()
}

// Unwrap is for [http.ResponseController].
func (w *limitedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A connection without deadlines, as of tests, has none to set.
func (w *limitedWriter) start() { _ = w.rc.SetWriteDeadline(w.now().Add(w.pause)) }
func (w *limitedWriter) stop()  { _ = w.rc.SetWriteDeadline(time.Time{}) }
