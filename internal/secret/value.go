package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// A Value is a secret text. The zero value is empty.
type Value struct {
	text *string // behind a pointer, which is all that fmt prints of a field that is not exported
}

// New makes a value of a text.
func New(text string) Value { return Value{&text} }

// Reveal is the text itself. Whoever calls it keeps it from logs and answers.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Len is how many bytes the text has.
func (v Value) Len() int { return len(v.Reveal()) }

const hidden = "***"

// String hides the text.
func (v Value) String() string { return hidden }

// Format hides the text, whatever the verb.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

// LogValue hides the text in logs.
func (v Value) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the text in JSON and all that is like it.
func (v Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }
