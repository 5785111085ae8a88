package internal_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// unplain are words that readers do not expect in a comment, a message or a name,
// each with what to say.
var unplain = map[string]string{
	"stranger":  "anonymous, an untrusted client",
	"mercy":     "grace period, idle timeout",
	"crew":      "bundled runners",
	"seat":      "slot, concurrency limit",
	"heed":      "obey, read",
	"lest":      "so that … not",
	"shall":     "must, will",
	"wherein":   "in which",
	"thereof":   "of it",
	"forthwith": "at once",
}

// One word a match: names of Go are split where their case changes.
var (
	word = regexp.MustCompile(`[A-Z]?[a-z]+`)
	said = map[string]bool{".go": true, ".md": true, ".html": true, ".sql": true, ".js": true, ".sh": true}
)

func TestWordsArePlain(t *testing.T) {
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || name != "." && d.Name()[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || !said[path.Ext(name)] || name == "internal/words_test.go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		for i, line := range strings.Split(string(text), "\n") {
			for _, w := range unplainIn(line) {
				t.Errorf("%s:%d: not %q, but: %s", name, i+1, w, unplain[w])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// unplainIn are the words of a line that are not plain.
func unplainIn(line string) (found []string) {
	for _, w := range word.FindAllString(line, -1) {
		w = strings.ToLower(w)
		if _, ok := unplain[w]; !ok {
			w = strings.TrimSuffix(w, "s")
		}
		if _, ok := unplain[w]; ok {
			found = append(found, w)
		}
	}
	return found
}

func TestUnplainWordsAreFound(t *testing.T) {
	for line, want := range map[string]int{
		"// Strangers may read, at their mercy.":   2,
		"func TestFetchesOfStrangersWait(t *T) {":  1,
		"// the latest, lesting, seated; unheeded": 0,
		"// It shall, lest it fail.":               2,
	} {
		if got := unplainIn(line); len(got) != want {
			t.Errorf("%s: %q, want %d", line, got, want)
		}
	}
}
