package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	maxWait  = 10 * time.Second
	maxTries = 7 // without progress between them: about half a minute
	maxKnock = 3 // where nothing listens
)

// ErrStalled is for callers that give up a connection from which nothing comes:
// it is worth another try.
var ErrStalled = errors.New("the server sent nothing for too long")

// repeat calls f until it succeeds or has no prospect. What may have been done
// already, and would be done twice, is tried once.
func (c *Client) repeat(ctx context.Context, method string, f func() error) error {
	b := c.Tries()
	for {
		err := f()
		if err == nil || method == http.MethodPost || method == http.MethodPatch || !b.Again(ctx, err) {
			return err
		}
	}
}

// Tries counts the tries of one thing, and waits longer between each two.
type Tries struct {
	pause *backoff.ExponentialBackOff // nil for one try only
	made  int
}

// Tries begins to count, for what a caller repeats itself.
func (c *Client) Tries() *Tries {
	if c.firstWait == 0 {
		return &Tries{}
	}
	return &Tries{pause: &backoff.ExponentialBackOff{
		InitialInterval: c.firstWait, RandomizationFactor: 0.25, Multiplier: 2, MaxInterval: maxWait,
	}}
}

// Progress begins to count anew.
func (t *Tries) Progress() {
	t.made = 0
	if t.pause != nil {
		t.pause.Reset()
	}
}

// Again waits, and says whether to try once more after err.
func (t *Tries) Again(ctx context.Context, err error) bool {
	t.made++
	if t.pause == nil || ctx.Err() != nil || t.made >= maxTries || !Transient(err) || errors.Is(err, syscall.ECONNREFUSED) && t.made >= maxKnock {
		return false
	}
	wait := t.pause.NextBackOff()
	if e, ok := errors.AsType[*Error](err); ok {
		wait = max(wait, e.After)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Transient says whether the same request may succeed soon.
func Transient(err error) bool {
	if status := StatusOf(err); status != 0 {
		return status >= http.StatusInternalServerError && status != http.StatusNotImplemented ||
			status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, ErrStalled)
}
