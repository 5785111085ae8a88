package artifactcli

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/understudy-ci/understudy/internal/client"
)

// An explained error says to people what happened, and what to do about it.
type explained struct {
	text string
	err  error
}

// Error is the text.
func (e *explained) Error() string { return e.text }

// Unwrap is what is explained.
func (e *explained) Unwrap() error { return e.err }

// explain says of an error of the API what it means for a thing.
func (c *Client) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		return &explained{c.refusal(what, e), err}
	}
	if e, ok := errors.AsType[*client.Unreachable](err); ok && errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no server answers at %s: start one with `understudy serve`, or give --url: %w", printable(c.server), e.Err)
	} else if ok {
		return fmt.Errorf("%s: %w", printable(c.server), e.Err)
	}
	return &explained{what + ": " + printable(err.Error()), err}
}

// refusal is what was asked for, why it is refused, and what to do.
func (c *Client) refusal(what string, e *client.Error) string {
	message, anonymous := printable(e.Message), c.api.Token() == ""
	switch {
	case e.Status >= http.StatusInternalServerError || e.Status == http.StatusTooManyRequests:
		return fmt.Sprintf("%s: the server answers %d %s", what, e.Status, message)
	case message == "":
		return fmt.Sprintf("what answers at %s is not the REST API (status %d, %s): check --url", printable(c.server), e.Status, printable(e.Type))
	case e.Status == http.StatusUnauthorized && anonymous:
		return what + ": sign in with --token-file FILE or UNDERSTUDY_TOKEN (understudy admin token create LOGIN makes a token)"
	case e.Status == http.StatusUnauthorized:
		return what + ": the server does not know this token (" + message + "); understudy admin token create LOGIN makes another"
	case e.Status == http.StatusForbidden && anonymous:
		return what + ": this needs a token, also where the repository is public: give --token-file FILE or UNDERSTUDY_TOKEN"
	case e.Status == http.StatusForbidden:
		return what + ": this token may not do that: " + message
	case e.Status == http.StatusNotFound:
		return what + ": not there, or not for this token: check the name, -R " + c.repo + " and --url, and that the token has the scope repo"
	case e.Status == http.StatusGone:
		return what + ": it has expired and its bytes are gone: run its workflow again"
	}
	return fmt.Sprintf("%s: the server answers %d %s", what, e.Status, message)
}
