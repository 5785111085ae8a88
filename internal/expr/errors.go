package expr

import (
	"fmt"
	"unicode/utf8"
)

// An Error says why an expression cannot be parsed or evaluated.
type Error struct {
	Msg    string // for people; names the offending token and its position
	Offset int    // byte offset of the fault: in the text given to Parse, Template or Condition; of an evaluation, in the expression
	Err    error  // that a function of Env.Functions returned; nil otherwise
	Lexing bool   // there is text that is no token; otherwise what is wrong is the syntax, or the evaluation
}

func (e *Error) Error() string { return e.Msg }

// Unwrap returns the error of the function that failed, if one did.
func (e *Error) Unwrap() error { return e.Err }

// maxQuoted bounds the part of an expression that an error message repeats.
const maxQuoted = 200

// located makes a parse error at a byte offset of src, in GitHub's words.
func located(src string, offset int, format string, args ...any) *Error {
	position := utf8.RuneCountInString(src[:offset]) + 1
	return &Error{
		Msg:    fmt.Sprintf(format, args...) + fmt.Sprintf(". Located at position %d within expression: %s", position, clip(src)),
		Offset: offset,
	}
}

// clip shortens s for a message without cutting a character in two.
func clip(s string) string { return cut(s, maxQuoted) }

// cut is a text of which more than so many bytes are left out.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
