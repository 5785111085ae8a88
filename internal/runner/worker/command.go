package worker

import (
	"bytes"
	"strings"
	"unicode"
)

// A command is a workflow command that a step wrote as one line of output:
// "::name key=value,key=value::data", or the older "##[name key=value;…]data".
type command struct {
	name  string // lower case, one of the registered names or the stop token
	props properties
	data  string
}

// properties are the key=value pairs of a command; keys are lower case.
type properties map[string]string

// A form is a way to write commands, behind their opening. The escapes are the
// characters that are written as %XX; "%" itself is always one of them.
type form struct {
	closing, separator           string
	propertyEscapes, dataEscapes string
}

var (
	newForm = form{closing: "::", separator: ",", propertyEscapes: "\r\n:,%", dataEscapes: "\r\n%"}
	oldForm = form{closing: "]", separator: ";", propertyEscapes: ";\r\n]%", dataEscapes: ";\r\n]%"}
)

// looksLikeCommand is a cheap test whether a line must be parsed. Nearly every
// line of output is decided here.
func looksLikeCommand(line []byte) bool {
	if len(line) == 0 {
		return false
	}
	if c := line[0]; c == ':' || c == '#' || c <= ' ' || c >= 0x80 {
		if bytes.HasPrefix(bytes.TrimLeftFunc(line, unicode.IsSpace), []byte("::")) {
			return true
		}
	}
	return bytes.Contains(line, []byte("##["))
}

// parseCommand reads a line as a command whose name known accepts. A line that
// is no command, or names an unknown one, is ordinary output.
func parseCommand(line string, known func(name string) bool) (command, bool) {
	if c, ok := parseNewCommand(line, known); ok {
		return c, true
	}
	return parseOldCommand(line, known)
}

func parseNewCommand(line string, known func(string) bool) (command, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::")
	if !ok {
		return command{}, false
	}
	return newForm.parse(rest, known)
}

// parseOldCommand finds the older form anywhere in the line.
func parseOldCommand(line string, known func(string) bool) (command, bool) {
	_, rest, ok := strings.Cut(line, "##[")
	if !ok {
		return command{}, false
	}
	return oldForm.parse(rest, known)
}

// parse reads a command from behind its opening.
func (f form) parse(rest string, known func(string) bool) (command, bool) {
	info, data, ok := strings.Cut(rest, f.closing)
	if !ok {
		return command{}, false
	}
	name, props, _ := strings.Cut(info, " ")
	name = strings.ToLower(name)
	if !known(name) {
		return command{}, false
	}
	return command{
		name:  name,
		props: parseProperties(props, f.separator, f.propertyEscapes),
		data:  unescape(data, f.dataEscapes),
	}, true
}

func parseProperties(s, separator, escapes string) properties {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil
	}
	props := properties{}
	for pair := range strings.SplitSeq(s, separator) {
		if key, value, ok := strings.Cut(pair, "="); ok {
			props[strings.ToLower(key)] = unescape(value, escapes)
		}
	}
	return props
}

// unescape undoes %XX for the given characters and leaves every other percent
// sign alone.
func unescape(s, characters string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		s = after
		if c, ok := escaped(after, characters); ok {
			b.WriteByte(c)
			s = after[2:]
		} else {
			b.WriteByte('%')
		}
	}
}

// escaped decodes the two upper-case hexadecimal digits that s starts with.
func escaped(s, characters string) (byte, bool) {
	const digits = "0123456789ABCDEF"
	if len(s) < 2 {
		return 0, false
	}
	high, low := strings.IndexByte(digits, s[0]), strings.IndexByte(digits, s[1])
	if high < 0 || low < 0 {
		return 0, false
	}
	c := byte(high<<4 | low)
	return c, strings.IndexByte(characters, c) >= 0
}
