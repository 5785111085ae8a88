package web

import (
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestOfEndlessNotesAPageShowsTheFirst(t *testing.T) {
	notes, err := readNotes(strings.NewReader(strings.Repeat("2026-11-20T12:43:29.1Z ##[warning]\x1b[31ma\x1b[0mb\n", maxNotes+1)))
	if len(notes) != maxNotes || err != nil {
		t.Errorf("%d notes, %v", len(notes), err)
	}
	if diff := cmp.Diff(serverNote{maxNotes, "warning", "Warning: ", "ab"}, notes[maxNotes-1]); diff != "" {
		t.Error(diff)
	}
	notes, err = readNotes(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a\nb\n"))))
	if err == nil {
		t.Errorf("notes that break off: %v, no error", notes)
	}
}
