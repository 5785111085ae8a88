package results

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

// BLOB-5: storage clients try again after 500 and 503 alone, so nothing but
// what may pass is answered so, and nobody is asked to slow down by 429.
func TestStorageClientsTryAgainWhenItMayHelp(t *testing.T) {
	for kind, want := range map[actions.Kind]int{
		actions.Internal: 500, actions.Unavailable: 503, actions.Invalid: 413, actions.NotFound: 404, actions.Forbidden: 403,
		actions.Unauthorized: 403, actions.Conflict: 409, actions.Malformed: 400, actions.Gone: 410, actions.TooMany: 409,
	} {
		code, status := codeOf(actions.Errorf(kind, "x"))
		if status != want || code == "" {
			t.Errorf("%s: %d %s, want %d", kind, status, code, want)
		}
	}
	if code, status := codeOf(&http.MaxBytesError{Limit: 1}); status != http.StatusRequestEntityTooLarge || code != "RequestBodyTooLarge" {
		t.Errorf("too large: %d %s", status, code)
	}
}
