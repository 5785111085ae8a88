package actions

import (
	"errors"
	"fmt"
)

// A Kind tells a caller what it can do about an error.
type Kind string

// The kinds of error. An error without a kind is Internal.
const (
	Internal     Kind = "internal"     // ours to fix; the text goes to the log only
	Malformed    Kind = "malformed"    // 400: the request cannot be read
	Unauthorized Kind = "unauthorized" // 401: no credentials, or bad ones
	Forbidden    Kind = "forbidden"    // 403: visible, and not allowed
	NotAllowed   Kind = "not allowed"  // 405: what it is about is in a state in which nobody may
	NotFound     Kind = "not found"    // 404: or exists, and you may not know that
	Conflict     Kind = "conflict"     // 409: it could have worked at another time
	Gone         Kind = "gone"         // 410: it existed, and its bytes have been deleted
	Invalid      Kind = "invalid"      // 422: the request can never work
	TooMany      Kind = "too many"     // 429: slow down
	Unavailable  Kind = "unavailable"  // 503: try again later
)

type kindError struct {
	kind Kind
	err  error
}

func (e *kindError) Error() string { return e.err.Error() }
func (e *kindError) Unwrap() error { return errors.Unwrap(e.err) }

// Errorf makes an error of kind k. The text is meant for the caller's eyes,
// so it names the thing and holds no secret. %w works as in [fmt.Errorf].
func Errorf(k Kind, format string, args ...any) error {
	return &kindError{k, fmt.Errorf(format, args...)}
}

// An Absence is a NotFound whose text callers may read: of a part of something that they
// may know of.
type Absence string

// Error is the text.
func (a Absence) Error() string { return string(a) }

// Unwrap is the error that has the kind.
func (a Absence) Unwrap() error { return Errorf(NotFound, "%s", string(a)) }

// KindOf is the kind of the outermost kinded error in err's chain, Internal if
// there is none, and empty for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if k, ok := errors.AsType[*kindError](err); ok {
		return k.kind
	}
	return Internal
}

// Text is what anybody may read of err: its text, and of an Internal one only that
// it happened.
func Text(err error) string {
	if KindOf(err) == Internal {
		return "Server Error"
	}
	return err.Error()
}
