package httpjson

import (
	"context"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/shape"
)

type baseKey struct{}

// WithBase returns r with the base that [Base] answers. The server calls it
// where it knows more than the request says: behind a trusted proxy, and on a
// host whose API has a name of its own.
func WithBase(r *http.Request, b shape.Base) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), baseKey{}, b))
}

// Base is the base by which the request came in: its scheme and Host, with the
// API below /api/v3, unless [WithBase] said otherwise. Forwarded headers are
// not believed here.
func Base(r *http.Request) shape.Base {
	if b, ok := r.Context().Value(baseKey{}).(shape.Base); ok {
		return b
	}
	html := "http://" + r.Host
	if r.TLS != nil {
		html = "https://" + r.Host
	}
	return shape.Base{API: html + "/api/v3", HTML: html}
}

// CheckHost says whether host can stand in a URL: answers repeat it.
func CheckHost(host string) bool {
	return host != "" && len(host) <= 255 && !strings.ContainsFunc(host, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"'<>\\/?#@%^`{|}", c)
	})
}
