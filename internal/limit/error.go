package limit

import (
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// An Error is the refusal of who wants too much, in GitHub's words: TooMany, or
// Unavailable where the server has no room whoever comes.
type Error struct {
	error
	after   time.Duration
	primary bool // for coming too often
}

// Unwrap returns the refusal itself.
func (e *Error) Unwrap() error { return e.error }

// RetryAfter says when to come again: whole seconds, at least one, as the header of
// that name has them.
func (e *Error) RetryAfter() string {
	return strconv.Itoa(max(int((e.after+time.Second-1)/time.Second), 1))
}

// Documentation is GitHub's page on the limit. Clients know by it which one it was.
func (e *Error) Documentation() string {
	const page = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-"
	if e.primary {
		return page + "primary-rate-limits"
	}
	return page + "secondary-rate-limits"
}

// retry is when to come again where nobody knows.
const retry = 5 * time.Second

// tooOften refuses a caller that has used up its requests.
func tooOften(c Caller, after time.Duration) *Error {
	e := &Error{after: after, primary: true}
	switch c.Kind {
	case Address:
		e.error = actions.Errorf(actions.TooMany, "API rate limit exceeded for %s. (But here's the good news: Authenticated requests get a higher rate limit. "+
			"Check out the documentation for more details.)", c.Net.Addr())
	case Account:
		e.error = actions.Errorf(actions.TooMany, "API rate limit exceeded for user ID %d.", c.ID)
	default:
		e.error = actions.Errorf(actions.TooMany, "API rate limit exceeded for %s ID %d.", c.Kind, c.ID)
	}
	return e
}

// tooMuch refuses a caller that has too much of something at the same time.
func tooMuch(what string, after time.Duration) *Error {
	return &Error{error: actions.Errorf(actions.TooMany,
		"You have exceeded a secondary rate limit: too many %s at the same time. Please wait a few minutes before you try again.", what), after: after}
}

// Full is for a server that has no room for another request.
func Full() error { return full(string(Answer), retry) }

// full refuses anybody.
func full(what string, after time.Duration) *Error {
	return &Error{error: actions.Errorf(actions.Unavailable, "The server is busy: there are too many %s. Try again later.", what), after: after}
}
