package goldentest

import "testing"

func TestAPartOfADocumentIsBetweenItsMarks(t *testing.T) {
	const text = "a\n<!-- x: written by a test -->\nold\n<!-- end of x -->\nb\n"
	before, part, after, err := marked(text, "x")
	if err != nil || part != "old\n" || before+part+after != text {
		t.Errorf("%q %q %q, %v", before, part, after, err)
	}
	for _, bad := range []string{"", "<!-- x: written by a test -->\n", "<!-- end of x -->"} {
		if _, _, _, err := marked(bad, "x"); err == nil {
			t.Errorf("%q has no part", bad)
		}
	}
}
