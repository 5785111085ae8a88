package web

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A line is one line of a log, taken apart for display.
type line struct {
	Time   string  // "2026-11-20 12:43:29", empty for a line without
	Kind   string  // "", or what the runner marks: group, endgroup, error, warning, …
	Pieces []piece // of the text, by colour
}

// A piece is text in one style.
type piece struct {
	Class string // of the style sheet; empty for plain text
	Text  string
}

// maxLine is how many bytes of a line a page shows. More is in the raw log.
const maxLine = 8 << 10

const cutMark = " … (the rest of this line is in the raw log)"

// lineOf takes a line apart: time, marker, text. Of terminal escapes colours
// are kept; every other escape and control character goes.
func lineOf(text string) line {
	var l line
	l.Time, text = cutTime(strings.TrimSuffix(text, "\r"))
	l.Kind, text = cutMarker(text)
	cut := ""
	if len(text) > maxLine {
		text, cut = text[:maxLine], cutMark
	}
	l.Pieces = pieces(text)
	if cut != "" {
		l.Pieces = append(l.Pieces, piece{"cut", cut})
	}
	return l
}

// cutTime takes the time from the front of a line: "2026-11-20T12:43:29.6859909Z ".
func cutTime(s string) (when, rest string) {
	const seconds = len("2026-11-20T12:43:29")
	if len(s) < seconds+1 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return "", s
	}
	end := strings.IndexByte(s[:min(len(s), 40)], 'Z')
	if end < seconds || strings.Trim(s[:end], "0123456789-T:.") != "" {
		return "", s
	}
	return s[:10] + " " + s[11:seconds], strings.TrimPrefix(s[end+1:], " ")
}

// cutMarker takes the runner's marker from the front of a text: "##[group]".
func cutMarker(s string) (kind, rest string) {
	after, ok := strings.CutPrefix(s, "##[")
	if !ok {
		return "", s
	}
	name, rest, ok := strings.Cut(after, "]")
	switch {
	case !ok:
	case name == "group", name == "endgroup", name == "error", name == "warning",
		name == "notice", name == "debug", name == "command", name == "section":
		return name, rest
	}
	return "", s
}

// pieces splits text where its colours change.
func pieces(s string) []piece {
	if !strings.ContainsFunc(s, special) {
		if s == "" {
			return nil
		}
		return []piece{{Text: s}}
	}
	var (
		all  []piece
		st   style
		text strings.Builder
	)
	end := func() {
		if text.Len() > 0 {
			all = append(all, piece{st.class(), text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(s); {
		c, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case c == '\x1b':
			n, codes := escape(s[i:])
			if codes != "" {
				end()
				st.apply(codes)
			}
			i += n
			continue
		case c == '\r':
			text.WriteByte(' ')
		case special(c) && c != utf8.RuneError:
		default:
			text.WriteRune(c)
		}
		i += size
	}
	end()
	return all
}

// special says whether c cannot be shown as it is: control characters but tab,
// and what is not valid UTF-8.
func special(c rune) bool {
	return c < ' ' && c != '\t' || c >= 0x7f && c < 0xa0 || c == utf8.RuneError
}

// escape is the length of the escape sequence that s starts with, and its codes
// if it selects colours.
func escape(s string) (n int, codes string) {
	if len(s) < 2 {
		return len(s), ""
	}
	switch s[1] {
	case '[': // control sequence: parameters, then a letter
		for i := 2; i < len(s); i++ {
			switch c := s[i]; {
			case c == 'm':
				return i + 1, s[2:i] + ";" // not empty: ESC[m resets
			case c >= 0x40 && c <= 0x7e:
				return i + 1, ""
			case c < 0x20 || c > 0x7e:
				return i, "" // broken off
			}
		}
		return len(s), ""
	case ']', 'P', 'X', '^', '_': // strings, such as titles and links, to BEL or ESC \
		for i := 2; i < len(s); i++ {
			if s[i] == '\a' {
				return i + 1, ""
			}
			if s[i] == '\x1b' {
				if strings.HasPrefix(s[i:], "\x1b\\") {
					return i + 2, ""
				}
				return i, ""
			}
		}
		return len(s), ""
	}
	_, size := utf8.DecodeRuneInString(s[1:])
	return 1 + size, ""
}

// A style is what colour codes have set: numbers of the sixteen colours from 1.
type style struct {
	fg, bg                  int
	bold, italic, underline bool
}

func (st *style) class() string {
	if *st == (style{}) {
		return ""
	}
	var names []string
	if st.fg > 0 {
		names = append(names, "f"+strconv.Itoa(st.fg-1))
	}
	if st.bg > 0 {
		names = append(names, "b"+strconv.Itoa(st.bg-1))
	}
	if st.bold {
		names = append(names, "bold")
	}
	if st.italic {
		names = append(names, "italic")
	}
	if st.underline {
		names = append(names, "underline")
	}
	return strings.Join(names, " ")
}

// apply takes the codes of one sequence: "1;31;".
func (st *style) apply(codes string) {
	var list [16]int
	n := 0
	for code := range strings.SplitSeq(strings.TrimSuffix(codes, ";"), ";") {
		if n == len(list) {
			break
		}
		v, err := strconv.Atoi(code) // empty is 0
		if err != nil && code != "" {
			return
		}
		list[n] = v
		n++
	}
	for i := 0; i < n; i++ {
		if c := list[i]; c == 38 || c == 48 {
			i += st.extended(c, list[i+1:n])
		} else {
			st.set(c)
		}
	}
}

func (st *style) set(c int) {
	switch {
	case c == 0:
		*st = style{}
	case c == 1:
		st.bold = true
	case c == 3:
		st.italic = true
	case c == 4:
		st.underline = true
	case c == 22:
		st.bold = false
	case c == 23:
		st.italic = false
	case c == 24:
		st.underline = false
	case c >= 30 && c <= 37:
		st.fg = c - 29
	case c == 39:
		st.fg = 0
	case c >= 40 && c <= 47:
		st.bg = c - 39
	case c == 49:
		st.bg = 0
	case c >= 90 && c <= 97:
		st.fg = c - 81
	case c >= 100 && c <= 107:
		st.bg = c - 91
	}
}

// extended takes a colour of the larger palettes, of which the first sixteen
// are known here, and returns how many codes it took.
func (st *style) extended(which int, args []int) int {
	if len(args) == 0 {
		return 0
	}
	colour := 0
	took := len(args)
	switch args[0] {
	case 5:
		took = min(2, took)
		if len(args) > 1 && args[1] >= 0 && args[1] < 16 {
			colour = args[1] + 1
		}
	case 2:
		took = min(4, took)
	}
	if which == 38 {
		st.fg = colour
	} else {
		st.bg = colour
	}
	return took
}
