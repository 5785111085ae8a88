package httpjson

import (
	"context"
	"net/http"
	"strings"
)

// An Origin is the base of the URLs in an answer. Neither ends in a slash.
// It has the fields of shape.Base and converts to it.
type Origin struct {
	API  string // of REST: "http://host:3000/api/v3", or "http://api.host"
	HTML string // of pages and git: "http://host:3000"
}

// Host is the host of pages, in the one form in which signed URLs are bound to
// it: in lower case, without a port that its scheme implies.
func (o Origin) Host() string {
	scheme, rest, _ := strings.Cut(o.HTML, "://")
	host, _, _ := strings.Cut(rest, "/")
	port := ":80"
	if scheme == "https" {
		port = ":443"
	}
	return strings.TrimSuffix(strings.ToLower(host), port)
}

type originKey struct{}

// WithOrigin returns r with the origin that [Base] answers. The server calls it
// where it knows more than the request says: behind a trusted proxy, and on a
// host whose API has a name of its own.
func WithOrigin(r *http.Request, o Origin) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), originKey{}, o))
}

// Base is the base by which the request came in: its scheme and Host, with the
// API below /api/v3, unless [WithOrigin] said otherwise. Forwarded headers are
// not believed here.
func Base(r *http.Request) Origin {
	if o, ok := r.Context().Value(originKey{}).(Origin); ok {
		return o
	}
	html := "http://" + r.Host
	if r.TLS != nil {
		html = "https://" + r.Host
	}
	return Origin{API: html + "/api/v3", HTML: html}
}

// CheckHost says whether host can stand in a URL: answers repeat it.
func CheckHost(host string) bool {
	return host != "" && len(host) <= 255 && !strings.ContainsFunc(host, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"'<>\\/?#@%^`{|}", c)
	})
}
