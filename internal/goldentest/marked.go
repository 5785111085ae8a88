package goldentest

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Marked fails the test unless a document says want between the two lines
// "<!-- NAME: written by a test -->" and "<!-- end of NAME -->". With update it
// writes that instead.
func Marked(t *testing.T, file, name, want string, update bool) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, got, after, err := marked(string(text), name)
	switch {
	case err != nil:
		t.Fatalf("%s: %v", file, err)
	case got == want:
	case update:
		if err := os.WriteFile(file, []byte(before+want+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s, %s (-says +should say; go test -update writes it):\n%s", file, name, cmp.Diff(got, want))
	}
}

// marked cuts a text around the part of that name.
func marked(text, name string) (before, part, after string, err error) {
	begin, end := "<!-- "+name+": written by a test -->\n", "<!-- end of "+name+" -->"
	before, rest, ok := strings.Cut(text, begin)
	part, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", "", "", errors.New("the marks of " + name + " are not there")
	}
	return before + begin, part, end + after, nil
}
