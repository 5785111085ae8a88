package rest

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

const (
	worthwhile = 1400    // bytes: less fits into one packet as it is
	maxPacked  = 1 << 20 // bytes of a buffer that is used again
)

var packers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one
	return &packer{z: z}
}}

type packer struct {
	z *gzip.Writer
	b bytes.Buffer
}

// takesGzip says whether the request's client unpacks gzip.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding = strings.ToLower(strings.TrimSpace(coding)); coding != "gzip" && coding != "*" {
			continue
		}
		_, q, weighed := strings.Cut(weight, "q=")
		if n, err := strconv.ParseFloat(strings.TrimSpace(q), 64); weighed && (err != nil || n == 0) {
			return false
		}
		return true
	}
	return false
}

// writeBody writes a whole body, packed where the client takes that and it is worth it. The ETag
// of an answer is a weak one, so that it is the same for both forms.
func writeBody(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	if len(body) < worthwhile || h.Get("Content-Encoding") != "" || !takesGzip(r) {
		if len(body) > 0 {
			h["Content-Length"] = []string{strconv.Itoa(len(body))}
		}
		w.WriteHeader(status)
		_, _ = w.Write(body) // the client is gone; nobody misses it
		return
	}
	p := packers.Get().(*packer)
	p.b.Reset()
	p.z.Reset(&p.b)
	_, _ = p.z.Write(body) // into memory
	_ = p.z.Close()
	h["Content-Encoding"] = []string{"gzip"}
	h["Content-Length"] = []string{strconv.Itoa(p.b.Len())}
	w.WriteHeader(status)
	_, _ = w.Write(p.b.Bytes()) // as above
	if p.b.Cap() <= maxPacked {
		packers.Put(p)
	}
}
