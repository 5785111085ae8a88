package results_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A browser follows the redirect of a call with a token, and asks here again whether the
// page may send that call's headers.
func TestAPageOfAnotherSiteReadsWhatASignedURLIsGoodFor(t *testing.T) {
	s := newServer(t)
	const origin, token = "https://other.example", "authorization,x-github-api-version"
	may := s.urlOf(s.upload(wire.CreateArtifactRequest{Name: "report", MimeType: "text/plain"}, []byte("hello")))
	upload := s.jobURL(s.Job("build"))
	for name, c := range map[string]struct {
		method, url, asks string
		status            int
		may               bool
	}{
		"a download":           {http.MethodGet, may, "", http.StatusOK, true},
		"its head":             {http.MethodHead, may, "", http.StatusOK, true},
		"before a download":    {http.MethodOptions, may, http.MethodGet, http.StatusNoContent, true},
		"before its head":      {http.MethodOptions, may, http.MethodHead, http.StatusNoContent, true},
		"before an upload":     {http.MethodOptions, upload, http.MethodPut, http.StatusNoContent, false},
		"another signature":    {http.MethodGet, may + "0", "", http.StatusForbidden, false},
		"before that":          {http.MethodOptions, may + "0", http.MethodGet, http.StatusForbidden, false},
		"before it is deleted": {http.MethodOptions, may, http.MethodDelete, http.StatusForbidden, false},
		"no question":          {http.MethodOptions, may, "", http.StatusForbidden, false},
	} {
		header := map[string]string{"Origin": origin}
		if c.asks != "" {
			header["Access-Control-Request-Method"], header["Access-Control-Request-Headers"] = c.asks, token
		}
		status, _, h := s.ask(c.method, c.url, header)
		want := ""
		if c.may {
			want = "*"
		}
		if got := h.Get("Access-Control-Allow-Origin"); status != c.status || got != want || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d, for pages of %q; want %d, %q", name, status, got, c.status, want)
		}
		if c.may && c.asks != "" && (h.Get("Access-Control-Allow-Headers") != token || !strings.Contains(h.Get("Access-Control-Allow-Methods"), c.asks)) {
			t.Errorf("%s: headers %v", name, h)
		}
	}
	if _, _, h := s.ask(http.MethodGet, may, nil); h.Get("Access-Control-Allow-Origin") != "" {
		t.Error("an answer that is for no page names who may read it")
	}
}
