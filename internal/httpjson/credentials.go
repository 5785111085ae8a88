package httpjson

import (
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Credentials is what the Authorization header has after a scheme, in any case of
// its name; false when the header has another scheme, or is not there.
func Credentials(r *http.Request, scheme string) (text string, ok bool) {
	given, text := Authorization(r)
	if !strings.EqualFold(given, scheme) {
		return "", false
	}
	return text, true
}

// Authorization is the Authorization header in its two parts: the scheme, in any
// case, and what follows it. Both are empty without the header.
func Authorization(r *http.Request) (scheme, text string) {
	scheme, text, _ = strings.Cut(r.Header.Get("Authorization"), " ")
	return scheme, strings.TrimSpace(text)
}

// Bearer is the bearer token of a request, which is Unauthorized without one.
func Bearer(r *http.Request) (string, error) {
	text, _ := Credentials(r, "Bearer")
	if text == "" {
		return "", actions.Errorf(actions.Unauthorized, "a bearer token is required")
	}
	return text, nil
}
