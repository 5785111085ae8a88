package web

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestLinesAreTakenApart(t *testing.T) {
	text := func(s string) []piece { return []piece{{Text: s}} }
	for _, c := range []struct {
		name, in string
		want     line
	}{
		{"empty", "", line{}},
		{"time only", "2026-11-20T12:43:29.6859909Z ", line{Time: "2026-11-20 12:43:29"}},
		{"time without fraction", "2026-11-20T12:43:29Z a", line{Time: "2026-11-20 12:43:29", Pieces: text("a")}},
		{"no time", "2026-11-20 is a date", line{Pieces: text("2026-11-20 is a date")}},
		{"time of somebody else", "2026-11-20T12:43:29<b>Z x", line{Pieces: text("2026-11-20T12:43:29<b>Z x")}},
		{"white space is kept", "2026-11-20T12:43:29.1Z \t  a  b ", line{Time: "2026-11-20 12:43:29", Pieces: text("\t  a  b ")}},
		{"group", "2026-11-20T12:43:29.1Z ##[group]Run x", line{Time: "2026-11-20 12:43:29", Kind: "group", Pieces: text("Run x")}},
		{"end of group", "##[endgroup]", line{Kind: "endgroup"}},
		{"unknown marker", "##[x\" onload=]a", line{Pieces: text("##[x\" onload=]a")}},
		{"open marker", "##[group", line{Pieces: text("##[group")}},
		{"carriage return at the end", "a\r", line{Pieces: text("a")}},
		{"carriage return inside", "10%\r20%", line{Pieces: text("10% 20%")}},
		{"colour", "a\x1b[31mb\x1b[0mc", line{Pieces: []piece{{"", "a"}, {"f1", "b"}, {"", "c"}}}},
		{"several", "\x1b[1;3;4;92;41mx\x1b[mY", line{Pieces: []piece{{"f10 b1 bold italic underline", "x"}, {"", "Y"}}}},
		{"undone one by one", "\x1b[1;31;44mx\x1b[22;39;49my", line{Pieces: []piece{{"f1 b4 bold", "x"}, {"", "y"}}}},
		{"palette", "\x1b[38;5;9mx\x1b[48;5;200;1my\x1b[38;2;1;2;31;4mz", line{Pieces: []piece{{"f9", "x"}, {"f9 bold", "y"}, {"bold underline", "z"}}}},
		{"cursor and erasing", "\x1b[2Ka\x1b[1;1Hb\x1b[?25lc", line{Pieces: text("abc")}},
		{"title", "\x1b]0;title\x07a\x1b]0;title\x1b\\b", line{Pieces: text("ab")}},
		{"link", "\x1b]8;;https://evil.example\x1b\\text\x1b]8;;\x1b\\", line{Pieces: text("text")}},
		{"broken escapes", "a\x1b", line{Pieces: text("a")}},
		{"broken sequence", "a\x1b[31", line{Pieces: text("a")}},
		{"sequence broken by text", "a\x1b[3\u00e9", line{Pieces: text("a\u00e9")}},
		{"other escape", "a\x1b(Bb\x1bcd", line{Pieces: text("aBbd")}},
		{"controls", "a\x00\x07\x08\x7f\u0085\u009bb", line{Pieces: text("ab")}},
		{"invalid UTF-8", "a\xffb", line{Pieces: text("a\uFFFDb")}},
	} {
		if diff := cmp.Diff(c.want, lineOf(c.in)); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestLongLinesAreCut(t *testing.T) {
	l := lineOf(strings.Repeat("é", 10<<20))
	if n := len(l.Pieces); n != 2 || len(l.Pieces[0].Text) > maxLine+utf8.UTFMax || l.Pieces[1].Class != "cut" {
		t.Errorf("%d pieces", n)
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range Hostile {
		f.Add(s)
	}
	f.Add("2026-11-20T12:43:29.6859909Z ##[group]\x1b[1;31mx\x1b[0m")
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range lineOf(s).Pieces {
			if p.Text == "" || !utf8.ValidString(p.Text) || !Styles.MatchString(p.Class) || strings.ContainsAny(p.Text, "\x00\x1b\r\x7f") {
				t.Errorf("%q: piece %q", s, p)
			}
		}
	})
}

func BenchmarkLine(b *testing.B) {
	const s = "2026-11-20T12:43:29.6859909Z ok  \t\x1b[32mexample.com/hello\x1b[0m\t0.012s"
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		lineOf(s)
	}
}
