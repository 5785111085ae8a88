package expr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Sizes of values in bytes, for the memory budget of an evaluation.
const (
	valueSize      = 16 // an interface
	entrySize      = 48 // a key, a value, their share of the index
	collectionSize = 64
)

// maxJSONDepth is how deep collections may nest in JSON text.
const maxJSONDepth = 100

// FromJSON reads one JSON value. Objects keep the order of their keys and match
// them without case. Of equal keys the last wins, of keys that differ in case
// only the first.
func FromJSON(text []byte) (Value, error) {
	r := jsonReader{src: string(text), grow: func(int) error { return nil }}
	return r.document()
}

var errEmptyJSON = errors.New("empty text is no JSON value")

// A jsonReader reads JSON: strictly (RFC 8259), or as the function fromJSON does.
// It calls grow before it makes a value.
type jsonReader struct {
	lax  bool
	src  string
	pos  int
	grow func(bytes int) error
}

func (r *jsonReader) document() (Value, error) {
	if r.lax {
		return r.laxDocument()
	}
	if r.peek() == 0 && r.pos >= len(r.src) {
		return nil, errEmptyJSON
	}
	v, err := r.value(1)
	if err != nil {
		return nil, err
	}
	if r.peek(); r.pos < len(r.src) {
		return nil, r.unexpected()
	}
	return v, nil
}

// peek skips white space and returns the next byte, 0 at the end.
func (r *jsonReader) peek() byte {
	if r.lax {
		r.skipLax()
	}
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) unexpected() error {
	if r.pos >= len(r.src) {
		return errors.New("unexpected end of JSON text")
	}
	c, _ := utf8.DecodeRuneInString(r.src[r.pos:])
	return fmt.Errorf("unexpected %q at byte %d of JSON text", c, r.pos)
}

// take consumes the byte c, which must come next.
func (r *jsonReader) take(c byte) error {
	if r.peek() != c {
		return r.unexpected()
	}
	r.pos++
	return nil
}

func (r *jsonReader) value(depth int) (Value, error) {
	switch c := r.peek(); c {
	case '{', '[':
		if depth > maxJSONDepth {
			return nil, fmt.Errorf("JSON text nests more than %d levels", maxJSONDepth)
		}
		if err := r.grow(collectionSize); err != nil {
			return nil, err
		}
		r.pos++
		if c == '{' {
			return r.object(depth)
		}
		return r.array(depth)
	case '"':
		return r.text('"')
	case '\'':
		if r.lax {
			return r.text('\'')
		}
	case 'n':
		return nil, r.word("null")
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	}
	if r.lax {
		return r.laxNumber()
	}
	return r.number()
}

// name reads the name of an entry.
func (r *jsonReader) name() (string, error) {
	c := r.peek()
	switch {
	case c == '"' || r.lax && c == '\'':
		return r.text(c)
	case r.lax:
		return r.laxName()
	}
	return "", r.unexpected()
}

func (r *jsonReader) word(w string) error {
	if !strings.HasPrefix(r.src[r.pos:], w) {
		return r.unexpected()
	}
	r.pos += len(w)
	return nil
}

func (r *jsonReader) array(depth int) (Value, error) {
	a := &Array{}
	if r.peek() == ']' {
		r.pos++
		return a, nil
	}
	for {
		if err := r.grow(valueSize); err != nil {
			return nil, err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		a.Items = append(a.Items, v)
		if r.peek() != ',' {
			return a, r.take(']')
		}
		r.pos++
		if r.lax && r.peek() == ']' {
			r.pos++
			return a, nil
		}
	}
}

func (r *jsonReader) object(depth int) (Value, error) {
	o := NewObject()
	if r.peek() == '}' {
		r.pos++
		return o, nil
	}
	for {
		if err := r.grow(entrySize); err != nil {
			return nil, err
		}
		key, err := r.name()
		if err != nil {
			return nil, err
		}
		if err := r.take(':'); err != nil {
			return nil, err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if i := o.find(key); r.lax || i < 0 || o.entries[i].key == key {
			o.Set(key, v)
		}
		if r.peek() != ',' {
			return o, r.take('}')
		}
		r.pos++
		if r.lax && r.peek() == '}' {
			r.pos++
			return o, nil
		}
	}
}

func (r *jsonReader) number() (Value, error) {
	start := r.pos
	s := strings.TrimPrefix(r.src[start:], "-")
	rest := trimDigits(s)
	digits := len(s) - len(rest)
	ok := digits > 0 && (digits == 1 || s[0] != '0')
	if fraction, found := strings.CutPrefix(rest, "."); ok && found {
		rest = trimDigits(fraction)
		ok = len(rest) < len(fraction)
	}
	if ok && rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		exponent := trimSign(rest[1:])
		rest = trimDigits(exponent)
		ok = len(rest) < len(exponent)
	}
	if !ok {
		return nil, r.unexpected()
	}
	r.pos = len(r.src) - len(rest)
	return jsonFloat(r.src[start:r.pos]), nil
}

// jsonFloat is a number; out of range it is infinite. A whole one that is zero has
// no sign.
func jsonFloat(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	if f == 0 && !strings.ContainsAny(s, ".eE") {
		return 0
	}
	return f
}

// text reads a string in quotes. One without escapes is a substring of the source.
func (r *jsonReader) text(quote byte) (string, error) {
	r.pos++ // the quote
	start := r.pos
	var b strings.Builder
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; {
		case c == quote:
			s := r.src[start:r.pos]
			r.pos++
			if b.Len() > 0 {
				b.WriteString(s)
				s = b.String()
			}
			return valid(s), r.grow(len(s))
		case c == '\\':
			b.WriteString(r.src[start:r.pos])
			char, err := r.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(char)
			start = r.pos
		case c < ' ' && !r.lax:
			return "", r.unexpected()
		default:
			r.pos++
		}
	}
	return "", r.unexpected()
}

// valid replaces each byte that is not valid UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// escape reads a backslash and what it escapes.
func (r *jsonReader) escape() (rune, error) {
	r.pos++
	if r.pos >= len(r.src) {
		return 0, r.unexpected()
	}
	const names, chars = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(names, r.src[r.pos]); i >= 0 {
		r.pos++
		return rune(chars[i]), nil
	}
	if r.lax && r.src[r.pos] == '\'' {
		r.pos++
		return '\'', nil
	}
	if r.src[r.pos] != 'u' {
		return 0, r.unexpected()
	}
	high, err := r.hex(r.pos + 1)
	if err != nil {
		return 0, err
	}
	r.pos += 5
	if !utf16.IsSurrogate(high) {
		return high, nil
	}
	if !strings.HasPrefix(r.src[r.pos:], `\u`) {
		return utf8.RuneError, nil
	}
	low, err := r.hex(r.pos + 2)
	if err != nil {
		return 0, err
	}
	pair := utf16.DecodeRune(high, low)
	if pair != utf8.RuneError {
		r.pos += 6
	}
	return pair, nil
}

// hex reads the four hexadecimal digits at offset from.
func (r *jsonReader) hex(from int) (rune, error) {
	if from+4 > len(r.src) {
		r.pos = len(r.src)
		return 0, r.unexpected()
	}
	n, err := strconv.ParseUint(r.src[from:from+4], 16, 16)
	if err != nil {
		return 0, r.unexpected()
	}
	return rune(n), nil
}
