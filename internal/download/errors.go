package download

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// A refusal is an answer that is none of those hoped for.
type refusal struct {
	status int
	text   string
	after  time.Duration // how long the server asks to wait
}

func (e *refusal) Error() string { return e.text }

func statusOf(err error) int {
	if e, ok := errors.AsType[*refusal](err); ok {
		return e.status
	}
	return 0
}

// refused makes an error of an answer of the API: what, why, and what to do.
func (c *Client) refused(res *reply, what string) error {
	var problem struct {
		Message string `json:"message"`
	}
	err := json.NewDecoder(res.body).Decode(&problem)
	e := &refusal{status: res.status, after: retryAfter(res.header)}
	switch {
	case res.status >= http.StatusInternalServerError || res.status == http.StatusTooManyRequests:
		e.text = fmt.Sprintf("%s: the server answers %d %s", what, res.status, printable(problem.Message))
	case err != nil || problem.Message == "":
		return c.notAPI(res)
	case res.status == http.StatusUnauthorized && c.token == "":
		e.text = what + ": sign in with --token-file FILE or UNDERSTUDY_TOKEN (understudy admin token create LOGIN makes a token)"
	case res.status == http.StatusUnauthorized:
		e.text = what + ": the server does not know this token (" + printable(problem.Message) + "); understudy admin token create LOGIN makes another"
	case res.status == http.StatusForbidden && c.token == "":
		e.text = what + ": this needs a token, also where the repository is public: give --token-file FILE or UNDERSTUDY_TOKEN"
	case res.status == http.StatusForbidden:
		e.text = what + ": this token may not do that: " + printable(problem.Message)
	case res.status == http.StatusNotFound:
		e.text = what + ": not there, or not for this token: check the name, -R " + c.repo + " and --url, and that the token has the scope repo"
	case res.status == http.StatusGone:
		e.text = what + ": it has expired and its bytes are gone: run its workflow again"
	default:
		e.text = fmt.Sprintf("%s: the server answers %d %s", what, res.status, printable(problem.Message))
	}
	return e
}

// retryAfter is what the header of that name asks for, within reason.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxWait)
}

// away says of an error of the network what is not in it, and leaves out the URL.
func (c *Client) away(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no server answers at %s: start one with `understudy serve`, or give --url: %w", printable(c.server), err)
	}
	return fmt.Errorf("%s: %w", printable(c.server), err)
}

const (
	maxWait  = 10 * time.Second
	maxTries = 7 // without a byte of progress between them: about half a minute
)

// A backoff waits longer each time.
type backoff struct {
	first, next time.Duration
	tries       int
}

func (c *Client) backoff() *backoff { return &backoff{first: c.firstWait} }

// reset is called when there was progress.
func (b *backoff) reset() { b.next, b.tries = 0, 0 }

// again waits, and says whether to try once more after err.
func (b *backoff) again(ctx context.Context, err error) bool {
	b.tries++
	if ctx.Err() != nil || b.tries >= maxTries || !transient(err) || errors.Is(err, syscall.ECONNREFUSED) && b.tries >= 3 {
		return false
	}
	d := min(max(b.next, b.first), maxWait)
	b.next = 2 * d
	if e, ok := errors.AsType[*refusal](err); ok {
		d = max(d, e.after)
	}
	t := time.NewTimer(d*3/4 + rand.N(d/2+1))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// transient says whether the same request may succeed in a moment.
func transient(err error) bool {
	if status := statusOf(err); status != 0 {
		return status >= http.StatusInternalServerError && status != http.StatusNotImplemented ||
			status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, errStalled)
}

var errStalled = errors.New("the server sent nothing for too long")
