package blob

import (
	"errors"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Unavailable is what a store returns that cannot do something now: text is for
// clients, and err, which may name files and hosts, for the log. The error prints
// both; what of it has a Kind is the text alone.
func Unavailable(text string, err error) error {
	return &unavailable{actions.Errorf(actions.Unavailable, "%s", text), err}
}

type unavailable struct {
	error
	cause error
}

func (u *unavailable) Error() string { return u.error.Error() + ": " + u.cause.Error() }

// Unwrap returns the part for clients.
func (u *unavailable) Unwrap() error { return u.error }

// Is looks at the cause, too.
func (u *unavailable) Is(target error) bool { return errors.Is(u.cause, target) }
