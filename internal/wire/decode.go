package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MaxDepth bounds the nesting of template tokens and context data.
const MaxDepth = 128

var errDepth = errors.New("nested too deeply")

// A reader walks JSON once, member by member, with names in lower case.
type reader struct {
	dec   *json.Decoder
	depth int
}

func newReader(b []byte) *reader { return &reader{dec: json.NewDecoder(bytes.NewReader(b))} }

// next is the next token: a delimiter, string, float64, bool or nil.
func (r *reader) next() (json.Token, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, fmt.Errorf("at offset %d: %w", r.dec.InputOffset(), err)
	}
	return t, nil
}

// object calls member with each name of the object whose brace has been read.
// member reads the value.
func (r *reader) object(member func(name string) error) error {
	return r.nested(func() error {
		for r.dec.More() {
			t, err := r.next()
			if err != nil {
				return err
			}
			name, _ := t.(string)
			if err := member(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// array calls element before each value of an array whose bracket has been
// read.
func (r *reader) array(element func() error) error {
	return r.nested(func() error {
		for r.dec.More() {
			if err := element(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *reader) nested(body func() error) error {
	if r.depth++; r.depth > MaxDepth {
		return errDepth
	}
	if err := body(); err != nil {
		return err
	}
	r.depth--
	_, err := r.next()
	return err
}

// list reads an array, or null as an empty one.
func (r *reader) list(element func() error) error {
	switch t, err := r.next(); {
	case err != nil:
		return err
	case t == nil:
		return nil
	case t == json.Delim('['):
		return r.array(element)
	default:
		return fmt.Errorf("at offset %d: not an array", r.dec.InputOffset())
	}
}

// skip reads a value and forgets it.
func (r *reader) skip() error {
	t, err := r.next()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		return r.object(func(string) error { return r.skip() })
	case json.Delim('['):
		return r.array(r.skip)
	}
	return nil
}

// into reads a scalar into v.
func (r *reader) into(v any) error {
	if err := r.dec.Decode(v); err != nil {
		return fmt.Errorf("at offset %d: %w", r.dec.InputOffset(), err)
	}
	return nil
}

func lower(name string) string { return strings.ToLower(name) }

// appendString appends s as JSON. Plain ASCII, the usual case, is copied.
func appendString(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			q, err := json.Marshal(s)
			return append(b, q...), err
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"'), nil
}

// appendNumber appends a number by the rules of encoding/json. A whole number that
// the runner's integers do not hold gets an exponent, without which the runner would
// not read it.
func appendNumber(b []byte, n float64) ([]byte, error) {
	const tooLarge = 1 << 63
	if math.Abs(n) >= tooLarge && !math.IsInf(n, 0) {
		return strconv.AppendFloat(b, n, 'e', -1, 64), nil
	}
	q, err := json.Marshal(n)
	if err != nil {
		return b, fmt.Errorf("value %v: %w", n, err)
	}
	return append(b, q...), nil
}
