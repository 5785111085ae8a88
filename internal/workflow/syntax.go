package workflow

import (
	"bytes"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxSearched is how long a file may be for its syntax error to be looked for.
// A search reads the file about thirty times, which takes less time than reading
// the largest file once.
const maxSearched = 64 << 10

// syntaxError records an error of the YAML library. Its text has at most the number
// of a line, "yaml: line 3: did not find …", and that is where the faulty collection
// begins; so the position of the error itself is searched for.
func (r *reader) syntaxError(src []byte, err error) {
	pos, msg := reported(err)
	if name, ok := strings.CutPrefix(msg, "unknown anchor '"); ok {
		name, _, _ = strings.Cut(name, "'")
		pos = positionOf(src, "*"+name)
	} else if end, ok := errorEnd(src, err.Error()); ok {
		pos, msg = seen(src[:end], msg)
	}
	r.add(&r.errs, ofYAML, pos, "Invalid YAML: %s", msg)
}

// seen describes an error that the library finds at the end of before.
func seen(before []byte, msg string) (Pos, string) {
	start := bytes.LastIndexByte(before, '\n') + 1
	line := before[start:]
	pos := Pos{bytes.Count(before[:start], []byte("\n")) + 1, utf8.RuneCount(line)}
	indented := bytes.TrimLeft(line, " ")
	switch {
	case inFlow(msg):
	case bytes.HasPrefix(bytes.TrimLeft(indented, "-? "), []byte("\t")):
		pos.Col = bytes.IndexByte(line, '\t') + 1
		msg = "found a tab character that violates indentation; tabs are not allowed there"
	case !bytes.ContainsAny(indented, " \t"): // the line's first word
		pos.Col = len(line) - len(indented) + 1
	}
	return pos, msg
}

// reported is what the text of an error says.
func reported(err error) (pos Pos, msg string) {
	msg = strings.TrimPrefix(err.Error(), "yaml: ")
	pos = Pos{1, 1}
	rest, ok := strings.CutPrefix(msg, "line ")
	if !ok {
		return pos, msg
	}
	number, text, ok := strings.Cut(rest, ": ")
	if n, err := strconv.Atoi(number); ok && err == nil {
		pos.Line, msg = n, text
	}
	if strings.HasPrefix(msg, "did not find expected ") { // its parser, unlike its scanner, counts lines from 0
		pos.Line++
	}
	return pos, msg
}

// errorEnd finds the end of the character at which the library finds the error: there
// ends the shortest prefix of the file that gives the same error. It searches for the
// line first, because a line that is cut off may give other errors.
func errorEnd(src []byte, want string) (end int, ok bool) {
	if len(src) == 0 || len(src) > maxSearched {
		return 0, false
	}
	cut := ""
	if inFlow(want) {
		cut = "\n,,,," // so that a collection that is merely not closed yet gives another error
	}
	text := make([]byte, 0, len(src)+len(cut))
	same := func(n int) bool {
		_, err := decode(append(append(text, src[:n]...), cut...))
		return err != nil && err.Error() == want
	}
	var ends []int
	for n := range src {
		if src[n] == '\n' || n == len(src)-1 {
			ends = append(ends, n+1)
		}
	}
	line := sort.Search(len(ends), func(i int) bool { return same(ends[i]) })
	if line == len(ends) {
		return 0, false
	}
	start := 0
	if line > 0 {
		start = ends[line-1]
	}
	width := sort.Search(ends[line]-start-1, func(n int) bool { return same(start + n + 1) })
	return start + width + 1, true
}

// inFlow says whether an error is about a collection in brackets or braces.
func inFlow(msg string) bool { return strings.Contains(msg, "did not find expected ','") }

// positionOf is where text first stands in src.
func positionOf(src []byte, text string) Pos {
	before, _, found := bytes.Cut(src, []byte(text))
	if !found {
		return Pos{1, 1}
	}
	line := bytes.LastIndexByte(before, '\n') + 1
	return Pos{bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[line:]) + 1}
}

func invalidUTF8(src []byte) Pos {
	pos := Pos{1, 1}
	for len(src) > 0 {
		c, n := utf8.DecodeRune(src)
		switch {
		case c == utf8.RuneError && n == 1:
			return pos
		case c == '\n':
			pos = Pos{pos.Line + 1, 1}
		default:
			pos.Col++
		}
		src = src[n:]
	}
	return pos
}
