package githttp

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A request asks for the repository that its path names, by a name that one can have,
// or for none.
func FuzzAPathNamesOneRepository(f *testing.F) {
	for _, s := range []string{
		"/o/r.git/info/refs?service=git-upload-pack", "/o/r/git-upload-pack", "/o/r.git/git-receive-pack", "/o/r.git.git/info/refs", "/o/.git/info/refs", "/o/../x/info/refs",
		"/%2e%2e/r.git/info/refs", "/o/r%2f..%2fx.git/info/refs", "/o//r.git/info/refs", "/o/r.git/objects/info/packs", "/o/r.git/HEAD", "/o/r%00.git/info/refs", "/-o/--upload-pack=x.git/info/refs",
		"/o/" + strings.Repeat("r", 101) + "/info/refs", "/o/r.git/info/refs/", "//o/r.git/info/refs", "/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") || strings.ContainsAny(target, " \r\n") {
			return
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://h"+target, http.NoBody)
			if err != nil {
				return
			}
			asked := 0
			s := New(Config{Access: func(_ *http.Request, owner, name string) (*Access, error) {
				if asked++; !validName(owner) || !validName(name) || strings.ContainsAny(owner+name, "/\\\x00%") {
					t.Errorf("%s: asked for %q of %q", target, name, owner)
				}
				if want := "/" + owner + "/" + name; !strings.HasPrefix(r.URL.Path, want) {
					t.Errorf("%s: asked for %s", target, want)
				}
				if !Serves(r.URL.Path) {
					t.Errorf("%s is answered, and is not git's", target)
				}
				return nil, actions.Errorf(actions.NotFound, "Repository not found.")
			}})
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if asked > 1 || w.Code < 300 {
				t.Errorf("%s: status %d after %d questions", target, w.Code, asked)
			}
		}
	})
}
