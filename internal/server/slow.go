package server

import (
	"net/http"
	"time"
)

// A streamWriter makes the client of one stream of HTTP/2 read what it is sent, as
// [conn] does with all of a connection: a client may read the others.
type streamWriter struct {
	http.ResponseWriter
	rc   *http.ResponseController
	now  func() time.Time
	sent progress
}

// limitStream is w whose writes fail when the client takes too little. In HTTP/1 the
// connection sees to that.
func limitStream(w http.ResponseWriter, r *http.Request, now func() time.Time, pause time.Duration) http.ResponseWriter {
	if r.ProtoMajor < 2 {
		return w
	}
	return &streamWriter{w, http.NewResponseController(w), now, progress{time: pause}}
}

// Write implements [io.Writer].
func (w *streamWriter) Write(p []byte) (n int, err error) {
	for first := true; first || len(p) > 0 && err == nil; first = false {
		var m int
		begin := w.start()
		m, err = w.ResponseWriter.Write(p[:min(len(p), progressBytes)])
		w.stop(begin, m)
		n, p = n+m, p[m:]
	}
	return n, err
}

// FlushError is what [http.ResponseController.Flush] calls.
func (w *streamWriter) FlushError() error {
	defer w.stop(w.start(), 0)
	return w.rc.Flush()
}

// Unwrap is for [http.ResponseController].
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *streamWriter) start() time.Time {
	begin := w.now()
	_ = w.rc.SetWriteDeadline(begin.Add(w.sent.left())) // it is there in HTTP/2
	return begin
}

func (w *streamWriter) stop(begin time.Time, sent int) {
	w.sent.moved(sent, w.now().Sub(begin))
	_ = w.rc.SetWriteDeadline(time.Time{})
}
