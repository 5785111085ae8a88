package actions

import (
	"strings"
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
