package actions_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A name that is taken is one line of text and the name of a file; a text that was
// clipped is one that every database keeps.
func FuzzNamesAreOneLineOfText(f *testing.F) {
	for _, s := range []string{
		"dist", "octo-org", "hello.world", "feature/x", "..", ".", "../up", `a\b`, "CON", "com1 .log", "a\x00b", "a\nb", "\xff", "🎁", "ünï", "-x", "x.lock", "refs/heads/main", "a,b", " a ",
		"GitHub Actions", "self-hosted", "", strings.Repeat("a", 600), "a\u202eb", "x.git",
	} {
		f.Add(s, 10)
	}
	f.Add("", -1)
	f.Fuzz(func(t *testing.T, name string, limit int) {
		for what, check := range map[string]func(string) error{
			"an artifact": actions.CheckArtifactName, "a login": actions.CheckLogin, "a repository": actions.CheckRepositoryName, "a branch": actions.CheckBranch,
			"a label": actions.CheckLabel, "a cache": actions.CheckCacheKey,
		} {
			err := check(name)
			if err != nil {
				if actions.KindOf(err) != actions.Invalid || len(err.Error()) > 8*len(name)+200 || !utf8.ValidString(err.Error()) {
					t.Errorf("the name of %s, %q: %v", what, name, err)
				}
				continue
			}
			if !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) || len(name) > 4*actions.MaxCacheKey {
				t.Errorf("%q is taken for the name of %s", name, what)
			}
			file := what == "an artifact" || what == "a login" || what == "a repository"
			if file && (!filepath.IsLocal(name) || strings.ContainsAny(name, `/\:`)) {
				t.Errorf("%q is taken for the name of %s, and is no name of a file", name, what)
			}
		}
		limit = max(limit, 0)
		clipped := actions.Clip(name, limit)
		if !utf8.ValidString(clipped) || strings.Contains(clipped, "\x00") || utf8.RuneCountInString(clipped) > limit {
			t.Errorf("%q was clipped to %q", name, clipped)
		}
	})
}
