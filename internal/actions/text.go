package actions

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Clip makes a text from outside fit for a name or a message: at most limit
// characters, UTF-8, and without NUL, which PostgreSQL does not keep.
func Clip(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit {
			return strings.Clone(s[:i]) // without the rest, which it would hold in memory
		}
		n++
	}
	return s
}

// maxLine is how long a name or a description may be.
const maxLine = 350

// CheckLine says whether text, which is called by the given name, can be shown in
// one line.
func CheckLine(name, text string) error {
	if utf8.RuneCountInString(text) > maxLine {
		return Errorf(Invalid, "%s is too long (maximum is %d characters)", name, maxLine)
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return Errorf(Invalid, "%s control characters are not allowed", name)
	}
	return nil
}

// UTF16Len is the length of s as GitHub's programs count characters: in units of
// UTF-16.
func UTF16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
