package gitrepo

import (
	"bytes"
	"testing"
)

func TestANoteStandsBeforeThePackHoweverGitWrites(t *testing.T) {
	before := string(pktLine([]byte("shallow-info\n"))) + string(pktLine([]byte("shallow x"))) + "0001" + string(pktLine([]byte("packfile\n")))
	after := string(pktLine([]byte("\x01PACK packfile\n"))) + "0000"
	note := string(pktLine([]byte("\x02a note\n")))
	for size := 1; size <= len(before)+len(after); size++ {
		var out bytes.Buffer
		a := &answer{w: &out, note: "a note\n"}
		for rest := []byte(before + after); len(rest) > 0; {
			n := min(size, len(rest))
			if written, err := a.Write(rest[:n]); written != n || err != nil {
				t.Fatalf("wrote %d of %d, %v", written, n, err)
			}
			rest = rest[n:]
		}
		if got, want := out.String(), before+note+after; got != want {
			t.Fatalf("in pieces of %d: %q, want %q", size, got, want)
		}
	}
	for _, text := range []string{"no packets", "zzzz", "0000", "0009ERR x"} {
		var out bytes.Buffer
		a := &answer{w: &out, note: "a note\n"}
		if _, err := a.Write([]byte(text)); err != nil || out.String() != text {
			t.Errorf("%q is passed on as %q, %v", text, out.String(), err)
		}
	}
}
