package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCursorReadsWhatItWrites(t *testing.T) {
	want := cursor{1: 7, 20: 1 << 30}
	if diff := cmp.Diff(want, parseCursor(want.String())); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", ",", "1", "1:", ":1", "x:y", "1:-5", "1:99999999999999999999", "\x00", "1:1099511627777"} {
		if got := parseCursor(text); len(got) != 0 {
			t.Errorf("%q became %v", text, got)
		}
	}
	if got := parseCursor(strings.Repeat("1:1,", 1<<20)); len(got) != 1 {
		t.Errorf("got %d steps", len(got))
	}
}
