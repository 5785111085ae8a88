package results

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/object"
)

// A download is an open object and what its reader is told of it.
type download struct {
	content     *object.Reader // closed by send
	contentType string
	disposition string
	etag        string // strong: with quotes
	modified    time.Time
}

// send serves GET and HEAD of an object, whole or a range of it.
func (a *API) send(w http.ResponseWriter, r *http.Request, d download) error {
	h := w.Header()
	httpjson.Harmless(h, d.contentType)
	h.Set("Content-Disposition", d.disposition)
	h.Set("ETag", d.etag)
	s := &sender{ResponseWriter: w}
	http.ServeContent(s, oneRange(r), "", d.modified, d.content)
	s.end()
	err := s.err
	if e := d.content.Close(); err == nil {
		err = e
	}
	if err != nil && !s.begun && r.Context().Err() == nil {
		for _, name := range []string{"Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range", "Content-Type", "ETag", "Last-Modified"} {
			h.Del(name)
		}
		return err // as the answer, for storage that is away
	}
	return a.broken(r, err)
}

// oneRange is the request with the one range that it asks for, if any. Storage
// clients have a header of their own (BLOB-7). Of several ranges none is served, as
// HTTP allows: the answer is all of the object.
func oneRange(r *http.Request) *http.Request {
	want := r.Header.Get("Range")
	ms := r.Header.Get("X-Ms-Range")
	if ms == "" && !strings.Contains(want, ",") {
		return r
	}
	if want == "" {
		want = ms
	}
	r = r.WithContext(r.Context()) // a copy
	r.Header = r.Header.Clone()
	r.Header.Del("Range")
	if !strings.Contains(want, ",") {
		r.Header.Set("Range", want)
	}
	return r
}

const firstPiece = 512 // bytes that are read before an answer begins

// A sender writes an answer, and of an object straight from its files:
// [http.ServeContent] calls ReadFrom, which hands them to the connection, and the
// kernel copies. It begins when the first bytes of the object are there, so that
// another answer can say why they are not.
type sender struct {
	http.ResponseWriter
	status int // of an answer that has not begun; 0 for 200
	begun  bool
	err    error // why the answer is not complete
}

// WriteHeader implements [http.ResponseWriter].
func (s *sender) WriteHeader(status int) {
	if !s.begun {
		s.status = status
	}
}

// start begins the answer.
func (s *sender) start() {
	if !s.begun && s.status != 0 {
		s.ResponseWriter.WriteHeader(s.status)
	}
	s.begun = true
}

// Write implements [io.Writer].
func (s *sender) Write(p []byte) (n int, err error) {
	s.start()
	n, err = s.ResponseWriter.Write(p)
	s.fail(err)
	return n, err
}

// ReadFrom implements [io.ReaderFrom].
func (s *sender) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		return io.Copy(writerOnly{s}, r)
	}
	content, ok := limited.R.(*object.Reader)
	if !ok {
		return io.Copy(writerOnly{s}, r)
	}
	var sent int64
	if !s.begun && limited.N > 0 {
		first := make([]byte, min(firstPiece, limited.N))
		n, err := content.Read(first)
		if err != nil && n == 0 {
			s.fail(err)
			return 0, err
		}
		if n, err = s.Write(first[:n]); err != nil {
			return int64(n), err
		}
		sent, limited.N = int64(n), limited.N-int64(n)
	}
	n, err := content.CopyN(s.ResponseWriter, limited.N)
	limited.N -= n
	s.fail(err)
	return sent + n, err
}

// Unwrap is for [http.ResponseController].
func (s *sender) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *sender) fail(err error) { s.err = errors.Join(s.err, err) }

// end ends an answer, which may be without a body.
func (s *sender) end() {
	if s.err == nil {
		s.start()
	}
}

// writerOnly hides ReadFrom.
type writerOnly struct{ io.Writer }
