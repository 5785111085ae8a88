package logs

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"
)

// A log is kept as it was sent, without a byte order mark, up to its limit, and ends
// with a note behind that.
func FuzzALogIsKeptToItsLimit(f *testing.F) {
	for _, s := range []string{
		"", mark, mark + "a\n", mark[:2], "a\nb\nc", "\n", "\x00", "2026-11-20T12:43:29.6859909Z ##[group]\x1b[1mx\x1b[0m\r\n", "\xff\xfe", mark + mark + "\n\n\n", "日本語\n",
	} {
		f.Add([]byte(s), uint8(4), uint8(0))
		f.Add([]byte(s), uint8(255), uint8(254))
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, sent []byte, limit, used uint8) {
		in, err := newText(iotest.OneByteReader(bytes.NewReader(sent)), int64(limit), int64(used), now)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.TrimPrefix(sent, []byte(mark))
		if in == nil {
			if len(want) > 0 {
				t.Errorf("%q is nothing", sent)
			}
			return
		}
		note := in.note
		got, err := io.ReadAll(iotest.HalfReader(in))
		if err != nil {
			t.Fatal(err)
		}
		most := max(int(limit)-int(used), 0)
		if len(want) > most {
			if kept := got[:min(most, len(got))]; !bytes.Equal(kept, want[:most]) || strings.TrimPrefix(string(got[len(kept):]), "\n") != note {
				t.Errorf("of %q, to %d bytes, %q is kept", want, most, got)
			}
		} else if !bytes.Equal(got, want) {
			t.Errorf("%q became %q", want, got)
		}
		if n := bytes.Count(got, []byte("\n")); in.lines > int64(n) || int64(len(got)) > int64(most)+in.extra() {
			t.Errorf("%d bytes with %d lines, counted as %d", len(got), n, in.lines)
		}
	})
}

// Names of jobs and steps are file names in an archive, each another.
func FuzzNamesOfLogsAreFileNames(f *testing.F) {
	for _, s := range []string{
		"build\ntest (1.26, linux)\nBUILD\nbuild", "../../etc/passwd", "..\n.\n...", `C:\x`, "a/b:c", "\x00\x1b[2J", strings.Repeat("n", 300), strings.Repeat("😀", 60), " \n\t\n",
		"a\na (1)\na\nA (1)", "\xff\xff", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names, seen := namer{}, map[string]bool{}
		for name := range strings.SplitSeq(text, "\n") {
			file := names.unique(fileName(name))
			if !filepath.IsLocal(file+".txt") || file == "" || strings.ContainsAny(file, "/\\:\x00\x1b\r\n") || utf8.RuneCountInString(file) > maxFileName+12 {
				t.Errorf("%q became %q", name, file)
			}
			if seen[strings.ToLower(file)] {
				t.Errorf("%q is there twice", file)
			}
			seen[strings.ToLower(file)] = true
		}
	})
}
