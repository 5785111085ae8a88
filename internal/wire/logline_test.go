package wire_test

import (
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

func TestLineOfALogBeginsWithItsTime(t *testing.T) {
	at := time.Date(2026, 11, 20, 13, 43, 29, 685_990_950, time.FixedZone("", 3600))
	line := append(wire.AppendLogTime([]byte("one\n"), at), "two"...)
	if got, want := string(line), "one\n2026-11-20T12:43:29.6859909Z two"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := string(wire.CutLogTime(line[len("one\n"):])); got != "two" {
		t.Errorf("without its time: %q", got)
	}
}

func TestOnlyATimeIsCutOffALine(t *testing.T) {
	for line, want := range map[string]string{
		"2026-11-20T12:43:29Z two":           "two",
		"2026-11-20T12:43:29.6Z  two":        " two",
		"2026-11-20T12:43:29.6859909Z ":      "",
		"2026-11-20T12:43:29.6859909Z":       "2026-11-20T12:43:29.6859909Z",
		"2026-11-20T12:43:29.68599091Z two":  "2026-11-20T12:43:29.68599091Z two", // more digits than any runner writes
		"2026-11-20T12:43:29 two":            "2026-11-20T12:43:29 two",
		"2026-11-20T12:43:29+01:00Z two":     "2026-11-20T12:43:29+01:00Z two",
		"2026-11-20 12:43:29Z two":           "2026-11-20 12:43:29Z two",
		" 026-11-20T12:43:29Z two":           " 026-11-20T12:43:29Z two",
		"    -  -  T  :  :   is not a time ": "    -  -  T  :  :   is not a time ",
		"two":                                "two",
		"":                                   "",
	} {
		if got := string(wire.CutLogTime([]byte(line))); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
