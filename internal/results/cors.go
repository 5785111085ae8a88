package results

import "net/http"

// asked is the method that a request is about. A browser asks by another request, the
// preflight, before it sends one of a page of another site.
func asked(r *http.Request) (method string, preflight bool) {
	method = r.Header.Get("Access-Control-Request-Method")
	if r.Method == http.MethodOptions && method != "" && r.Header.Get("Origin") != "" {
		return method, true
	}
	return r.Method, false
}

// allowPages lets a page of another site read what a signed URL is good for, as GitHub's
// storage does: the API, which it may call with a token, redirects there. The URL is the
// proof that it may; cookies count for nothing here. Pages upload nothing.
func allowPages(h http.Header, r *http.Request, method string) {
	if r.Header.Get("Origin") == "" || method != http.MethodGet && method != http.MethodHead {
		return
	}
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Type, Content-Disposition, Date, X-Ms-Request-Id")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", method)
		h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
	}
}
