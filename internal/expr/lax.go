package expr

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What fromJSON takes beyond JSON is what GitHub's own reader does: comments,
// single quotes, names without quotes, a comma at the end of a collection, more
// forms of numbers, and whatever follows the first value (EXP-11).

// skipLax skips white space and comments.
func (r *jsonReader) skipLax() {
	for r.pos < len(r.src) {
		if _, ok := r.comment(); ok {
			continue
		}
		c, size := utf8.DecodeRuneInString(r.src[r.pos:])
		if !unicode.IsSpace(c) {
			return
		}
		r.pos += size
	}
}

// comment reads a comment, if there is one, and returns its text.
func (r *jsonReader) comment() (string, bool) {
	rest := r.src[r.pos:]
	open, end := "//", "\n"
	if strings.HasPrefix(rest, "/*") {
		open, end = "/*", "*/"
	}
	rest, ok := strings.CutPrefix(rest, open)
	if !ok {
		return "", false
	}
	text, rest, ended := strings.Cut(rest, end)
	if !ended && end == "*/" {
		return "", false
	}
	r.pos = len(r.src) - len(rest)
	return text, true
}

// laxDocument reads the first value of a text. A comment before it is taken for
// the value.
func (r *jsonReader) laxDocument() (Value, error) {
	for r.pos < len(r.src) {
		c, size := utf8.DecodeRuneInString(r.src[r.pos:])
		if !unicode.IsSpace(c) && c != '\ufeff' {
			break
		}
		r.pos += size
	}
	if r.pos >= len(r.src) {
		return nil, errEmptyJSON
	}
	if text, ok := r.comment(); ok {
		return valid(text), r.grow(len(text))
	}
	return r.value(1)
}

// laxName reads the name of an entry that has no quotes.
func (r *jsonReader) laxName() (string, error) {
	rest := r.src[r.pos:]
	end := strings.IndexFunc(rest, func(c rune) bool {
		return c != '_' && c != '$' && !unicode.IsLetter(c) && !unicode.IsDigit(c)
	})
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		return "", r.unexpected()
	}
	r.pos += end
	return rest[:end], r.grow(end)
}

// laxNumber reads a number, which may be hexadecimal, octal, NaN or infinite, or
// have no digits on one side of its point.
func (r *jsonReader) laxNumber() (Value, error) {
	rest := r.src[r.pos:]
	end := strings.IndexFunc(rest, func(c rune) bool {
		return c != '.' && c != '+' && c != '-' && (c >= utf8.RuneSelf || !unicode.IsLetter(c) && !unicode.IsDigit(c))
	})
	if end < 0 {
		end = len(rest)
	}
	f, ok := laxFloat(rest[:end])
	if !ok {
		return nil, r.unexpected()
	}
	r.pos += end
	return f, nil
}

func laxFloat(s string) (float64, bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if len(s) > 1 && s[0] == '0' && s[1] != '.' && s[1] != 'e' && s[1] != 'E' {
		digits, base := s[1:], 8
		if s[1] == 'x' || s[1] == 'X' {
			digits, base = s[2:], 16
		}
		n, err := strconv.ParseUint(digits, base, 64)
		return float64(int64(n)), err == nil //nolint:gosec // wraps as GitHub's reader does
	}
	if !isDecimal(s) || s[0] == '+' {
		return 0, false
	}
	return jsonFloat(s), true
}
