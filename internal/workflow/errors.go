package workflow

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of what is reported (YAML-5).
const (
	maxErrors  = 10  // and as many warnings
	maxMessage = 500 // bytes of one message

	maxActionErrors = 100 // of an action's file
)

// A cause is what an error of an action's file is about: GitHub's runner words them
// differently.
type cause int

const (
	ofRule cause = iota
	ofExpression
	ofYAML
	ofFile // as a whole, so without a position
)

// A Pos is a position in a file. Lines and columns count from 1, columns in
// characters.
type Pos struct{ Line, Col int }

// An Error is one broken rule, at the start of the text that breaks it. As a
// warning, it is about text that has no effect.
type Error struct {
	Path string
	Pos  Pos
	Msg  string

	cause cause
}

// Error is the text GitHub shows: file, position, message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (Line: %d, Col: %d): %s", e.Path, e.Pos.Line, e.Pos.Col, e.Msg)
}

// Errors is what is wrong with a file, in the order found; never more than 10.
type Errors []*Error

// Error joins the texts of all errors, one per line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// errorf records an error; those beyond the limit are dropped.
func (r *reader) errorf(pos Pos, format string, args ...any) {
	r.add(&r.errs, ofRule, pos, format, args...)
}

// lateErrorf records an error that GitHub's runner finds after it has read the whole
// file of an action.
func (r *reader) lateErrorf(pos Pos, format string, args ...any) {
	if !r.action {
		r.errorf(pos, format, args...)
		return
	}
	r.add(&r.late, ofRule, pos, format, args...)
}

func (r *reader) add(to *Errors, c cause, pos Pos, format string, args ...any) {
	r.found++
	limit := maxErrors
	if r.action {
		limit = maxActionErrors
	}
	if len(*to) < limit {
		*to = append(*to, &Error{r.path, pos, cut(fmt.Sprintf(format, args...), maxMessage), c})
	}
}

// warnf records a warning; those beyond the limit are dropped.
func (r *reader) warnf(pos Pos, format string, args ...any) {
	if len(r.warnings) < maxErrors {
		r.warnings = append(r.warnings, &Error{r.path, pos, cut(fmt.Sprintf(format, args...), maxMessage), ofRule})
	}
}

// unexpected records that t is not allowed at its position.
func (r *reader) unexpected(t *Token) {
	switch t.Kind {
	case Sequence:
		r.errorf(t.Pos, "A sequence was not expected")
	case Mapping:
		r.errorf(t.Pos, "A mapping was not expected")
	case String, Expression, Insert, Boolean, Number, Null:
		r.errorf(t.Pos, "Unexpected value '%s'", t.Text())
	}
}

func (r *reader) err() error {
	if len(r.errs) == 0 {
		return nil
	}
	return r.errs
}

// cut shortens s to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("...")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
