// Package secret keeps secrets secret: in memory as values that never print, at
// rest under a key that is not in the database.
//
// A [Box] seals a [Value] for one row. The row's identity is authenticated with
// it, so that a ciphertext that was copied to another row does not open there. The
// key file is made at the first start; without it all sealed values are lost.
package secret

import "log/slog"

const hidden = "***"

// A Value is a text that must not be seen. It prints, logs and marshals as ***.
type Value struct {
	text *string // a pointer, so that no printer of fields gets to it
}

// New makes a Value of text.
func New(text string) Value { return Value{&text} }

// Reveal returns the text. Every call is a place to look at in a review.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// String returns ***.
func (Value) String() string { return hidden }

// GoString returns ***.
func (Value) GoString() string { return hidden }

// LogValue returns ***.
func (Value) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns ***.
func (Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }
