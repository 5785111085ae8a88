package httpjson

import (
	"net/http"
	"strings"
)

// SingleSlashes makes doubled slashes of the path one: sloppy clients join URLs
// so, and a redirect would turn their POST into a GET.
func SingleSlashes(r *http.Request) *http.Request {
	if !strings.Contains(r.URL.Path, "//") {
		return r
	}
	u := *r.URL
	u.Path, u.RawPath = single(u.Path), single(u.RawPath)
	r = r.WithContext(r.Context()) // a copy
	r.URL = &u
	return r
}

func single(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}
