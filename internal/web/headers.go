package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/understudy-ci/understudy/internal/httpjson"
)

// policy lets a page load this origin's own files and images of the hosts, and
// nothing else: no inline script or style, no frame around it, no form to elsewhere.
func policy(imageHosts []string) string {
	images := []string{"'self'"}
	for _, h := range imageHosts {
		images = append(images, "https://"+h)
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src " + strings.Join(images, " ") + "; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

func setHeaders(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Cookie")
}

// sameOrigin says whether a request was not made by another site's page. Every
// browser says where a form or stream comes from, in one header or the other; a
// program that is no browser has no cookie to steal and may say nothing.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if strings.EqualFold(origin, httpjson.Base(r).HTML) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
