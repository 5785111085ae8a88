package server

import (
	"io"
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/limit"
)

// A response notes what is held in memory of a request's response while its client
// takes it. It also makes the client of a stream of HTTP/2 take it, as [conn] does
// with all of a connection: such a client may read its other streams.
type response struct {
	http.ResponseWriter
	visit *limit.Visit

	stream bool // of HTTP/2: the rest is for these
	rc     *http.ResponseController
	now    func() time.Time
	sent   progress
}

func (s *Server) response(w http.ResponseWriter, r *http.Request, v *limit.Visit) *response {
	return newResponse(w, r, v, s.now, progressTime)
}

func newResponse(w http.ResponseWriter, r *http.Request, v *limit.Visit, now func() time.Time, pause time.Duration) *response {
	p := &response{ResponseWriter: w, visit: v}
	if r.ProtoMajor > 1 {
		p.stream, p.rc, p.now, p.sent = true, http.NewResponseController(w), now, progress{time: pause}
	}
	return p
}

// Write implements [io.Writer].
func (p *response) Write(b []byte) (n int, err error) {
	if len(b) >= progressBytes {
		_ = p.visit.Hold(len(b)) // they are there already: the next request is refused
		defer func() { _ = p.visit.Hold(-len(b)) }()
	}
	if !p.stream {
		return p.ResponseWriter.Write(b)
	}
	for first := true; first || len(b) > 0 && err == nil; first = false {
		var m int
		begin := p.start()
		m, err = p.ResponseWriter.Write(b[:min(len(b), progressBytes)])
		p.stop(begin, m)
		n, b = n+m, b[m:]
	}
	return n, err
}

// ReadFrom implements [io.ReaderFrom]: what comes from a file is in nobody's memory.
func (p *response) ReadFrom(r io.Reader) (int64, error) {
	if to, ok := p.ResponseWriter.(io.ReaderFrom); ok && !p.stream {
		return to.ReadFrom(r)
	}
	return io.Copy(writerOnly{p}, r)
}

// FlushError is what [http.ResponseController.Flush] calls.
func (p *response) FlushError() error {
	if !p.stream {
		return http.NewResponseController(p.ResponseWriter).Flush()
	}
	defer p.stop(p.start(), 0)
	return p.rc.Flush()
}

// Unwrap is for [http.ResponseController].
func (p *response) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *response) start() time.Time {
	begin := p.now()
	_ = p.rc.SetWriteDeadline(begin.Add(p.sent.left())) // there is one in HTTP/2
	return begin
}

func (p *response) stop(begin time.Time, sent int) {
	p.sent.moved(sent, p.now().Sub(begin))
	_ = p.rc.SetWriteDeadline(time.Time{})
}
