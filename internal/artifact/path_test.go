package artifact

import (
	"path"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// The path of a file in an archive is shown as one below a directory, on every system,
// and in one way.
func FuzzPathsAreShownBelowADirectory(f *testing.F) {
	for _, s := range []string{
		"dist/index.js", "../../etc/passwd", "/etc/passwd", `C:\evil`, "C:D:evil", "x/../c:../evil", `..\..\evil`, "a//b/./c", "", ".", "..", "/", "a/", "a\x00b", "a\x1b[2Jb",
		"a\u202eexe.txt", "\xff\xfe", strings.Repeat("a/", 5000), strings.Repeat("é", 5000), "é:x", "\\\\server\\share",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		shown, same := cleanPath(name)
		if shown == "" || len(shown) > maxPath || path.Clean("/"+shown) != "/"+shown && len(shown) < maxPath-utf8.UTFMax || strings.HasPrefix(shown, "../") || shown == ".." || strings.Contains(shown, "\\") ||
			len(shown) >= 2 && shown[1] == ':' || !utf8.ValidString(shown) || strings.ContainsFunc(shown, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }) {
			t.Errorf("%q is shown as %q", name, shown)
		}
		if same && shown != strings.TrimSuffix(name, "/") {
			t.Errorf("%q is said to be shown as it is, and is %q", name, shown)
		}
		if again, _ := cleanPath(shown); again != shown && len(shown) < maxPath-utf8.UTFMax {
			t.Errorf("%q is shown as %q, and that as %q", name, shown, again)
		}
	})
}
