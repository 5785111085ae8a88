package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/httpjson"
)

// A recorder keeps an answer until it is complete: a handler that fails leaves
// nothing behind, and the body's ETag stands before the body.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

// Header is that of the real answer.
func (rec *recorder) Header() http.Header { return rec.header }

// WriteHeader notes the first status.
func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
}

// Write appends to the body.
func (rec *recorder) Write(p []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	rec.body = append(rec.body, p...)
	return len(p), nil
}

// send sends the answer. A reader that has the same bytes gets 304.
func (rec *recorder) send(w http.ResponseWriter, r *http.Request) {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !reads || rec.status != http.StatusOK {
		rec.header.Del("Cache-Control")
		writeBody(w, r, max(rec.status, http.StatusOK), rec.body)
		return
	}
	sendTagged(w, r, rec.body, httpjson.ETag(rec.body))
}

// sendTagged sends a body whose ETag is known.
func sendTagged(w http.ResponseWriter, r *http.Request, body []byte, etag string) {
	h := w.Header()
	h["Etag"] = []string{etag}
	if httpjson.Unchanged(r, etag) {
		h.Del("Content-Type")
		h.Del("Content-Length")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeBody(w, r, http.StatusOK, body)
}
