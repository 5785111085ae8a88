package rest

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
)

// checkQuery refuses what no parameter can be: a token, which would end up in
// logs, and bytes that are no text, which databases do not take.
func checkQuery(r *http.Request) error {
	raw := r.URL.RawQuery
	if raw == "" {
		return nil
	}
	text, err := url.QueryUnescape(raw)
	if err != nil || !isText(text) {
		return actions.Errorf(actions.Malformed, "The query is not valid text")
	}
	if strings.Contains(text, "access_token=") && r.URL.Query().Has("access_token") {
		return actions.Errorf(actions.Malformed, "Must specify access token via Authorization header.")
	}
	return nil
}

// isText says whether s can be kept as text.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// Accepts says whether the request asks for one of GitHub's own media types,
// such as raw or sha.
func Accepts(r *http.Request, kind string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		media = strings.TrimSuffix(media, "+json")
		if media == "application/vnd.github."+kind || media == "application/vnd.github.v3."+kind {
			return true
		}
	}
	return false
}
