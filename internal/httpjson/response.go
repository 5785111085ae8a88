package httpjson

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// ContentType is that of every JSON answer.
const ContentType = "application/json; charset=utf-8"

// Marshal is v in JSON without a line break at the end, and without the
// escapes that only HTML needs.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	return encode(&b, v)
}

func encode(b *bytes.Buffer, v any) ([]byte, error) {
	if v, ok := v.(appender); ok {
		body, err := v.AppendJSON(b.AvailableBuffer())
		if err == nil {
			b.Write(body)
		}
		return b.Bytes(), err
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// An appender writes itself as JSON. What MarshalJSON returns, encoding/json reads
// and copies once more, which large answers are spared.
type appender interface {
	AppendJSON(b []byte) ([]byte, error)
}

// buffers hold answers while they are written.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const maxBuffer = 64 << 10 // bytes; a larger one is not used again

// Write answers with v in JSON. An error of the connection is nobody's to
// handle: what Write returns is that v cannot be encoded, and nothing is written then.
func Write(w http.ResponseWriter, status int, v any) error {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	body, err := encode(b, v)
	if err == nil {
		WriteBody(w, status, body)
	}
	if b.Cap() <= maxBuffer {
		buffers.Put(b)
	}
	return err
}

// WriteBody answers with JSON that is encoded already.
func WriteBody(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone; the server's log has it
}

// ETag is the weak validator of a body, in GitHub's form.
func ETag(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + hex.EncodeToString(sum[:]) + `"`
}

// Unchanged says whether the request's If-None-Match names the ETag.
func Unchanged(r *http.Request, etag string) bool {
	header := r.Header.Get("If-None-Match")
	if header == "" {
		return false
	}
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}
