package host

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func linesOf(input string, bufSize int, oneByte bool) []string {
	var got []string
	r := strings.NewReader(input)
	emit := func(batch []byte) {
		for len(batch) > 0 {
			var line []byte
			line, batch = CutLine(batch)
			got = append(got, string(line))
		}
	}
	if oneByte {
		readLines(iotest.OneByteReader(r), make([]byte, bufSize), emit)
	} else {
		readLines(r, make([]byte, bufSize), emit)
	}
	return got
}

func TestOutputIsSplitAtEveryKindOfLineBreak(t *testing.T) {
	tests := []struct {
		name, input string
		want        []string
	}{
		{"nothing", "", nil},
		{"line feeds", "a\nb\n", []string{"a", "b"}},
		{"no line feed at the end", "a\nb", []string{"a", "b"}},
		{"empty lines", "\n\na\n\n", []string{"", "", "a", ""}},
		{"carriage return and line feed", "a\r\nb\r\n", []string{"a", "b"}},
		{"progress bars", "10%\r20%\rdone\n", []string{"10%", "20%", "done"}},
		{"carriage return at the very end", "a\r", []string{"a"}},
		{"two carriage returns", "a\r\r\nb", []string{"a", "", "b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 64} {
				for _, oneByte := range []bool{false, true} {
					got := linesOf(test.input, size, oneByte)
					if d := cmp.Diff(test.want, got); d != "" {
						t.Errorf("buffer of %d: %s", size, d)
					}
				}
			}
		})
	}
}

func TestTenMegabyteLineStaysWhole(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	got := linesOf("before\n"+long+"\nafter", 64<<10, false)
	if len(got) != 3 || got[0] != "before" || got[1] != long || got[2] != "after" {
		t.Errorf("got %d lines, the second of %d bytes", len(got), len(got[1]))
	}
}

func TestLineBeyondTheBoundIsCut(t *testing.T) {
	got := linesOf(strings.Repeat("x", 2*maxLine+5)+"\nafter\n", 64<<10, false)
	if len(got) != 2 || len(got[0]) > maxLine || !strings.HasSuffix(got[0], cutNotice) || got[1] != "after" {
		t.Errorf("got %d lines, last %q", len(got), got[len(got)-1])
	}
}

func BenchmarkSplit(b *testing.B) {
	data := bytes.Repeat([]byte("2026-11-20 a line of ordinary output that a build might print, number 12345\n"), 1<<13)
	buf := make([]byte, 256<<10)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		readLines(bytes.NewReader(data), buf, func(batch []byte) {
			for len(batch) > 0 {
				_, batch = CutLine(batch)
			}
		})
	}
}
