package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	callTimeout   = 30 * time.Second
	uploadTimeout = 100 * time.Second
	maxErrorBody  = 64 << 10
	maxAnswer     = 128 << 20 // a job message holds an event and every workflow expression
)

// A caller sends requests and reads their answers.
type caller struct {
	http    *http.Client
	agent   string   // User-Agent
	silence *silence // nil where nobody asks
}

func newCaller(transport http.RoundTripper, agent string) *caller {
	if transport == nil {
		transport = newTransport()
	}
	return &caller{http: &http.Client{Transport: transport}, agent: agent}
}

// newTransport keeps enough idle connections for everything that one job does
// at once.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		MaxIdleConns:        32,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		ReadBufferSize:      4 << 10,
		WriteBufferSize:     64 << 10, // log pieces are large
		DisableCompression:  true,
	}
}

// A call is one request with JSON in and out.
type call struct {
	method, url string
	auth        string // the Authorization header, "" for none
	in          any    // sent as JSON unless nil
	out         any    // filled from JSON unless nil
	timeout     time.Duration
}

// do sends c. It leaves c.out alone when the answer is empty.
func (a *caller) do(ctx context.Context, c call) error {
	ctx, cancel := context.WithTimeout(ctx, c.limit())
	defer cancel()
	var body io.Reader
	if c.in != nil {
		b, err := json.Marshal(c.in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", c.method, pathOf(c.url), forGood(err))
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, c.url, body)
	if err != nil {
		return forGood(err)
	}
	if c.in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.auth != "" {
		req.Header.Set("Authorization", c.auth)
	}
	resp, err := a.send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	defer discard(resp.Body)
	return decode(resp, c.out)
}

func (c *call) limit() time.Duration {
	if c.timeout > 0 {
		return c.timeout
	}
	return callTimeout
}

func decode(resp *http.Response, out any) error {
	if out == nil {
		return nil
	}
	if t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); t != "application/json" {
		return nil // as the official runner reads it: no answer
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", callOf(resp.Request), err)
	case len(b) > maxAnswer:
		return forGood(fmt.Errorf("%s: answer is too long", callOf(resp.Request)))
	case len(bytes.TrimSpace(b)) == 0:
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s: answer: %w", callOf(resp.Request), forGood(err))
	}
	return nil
}

// send sends req. An answer other than 2xx is a statusError; else the caller
// closes the body.
func (a *caller) send(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", a.agent)
	resp, err := a.http.Do(req)
	a.silence.note(err == nil && resp.StatusCode >= 200 && resp.StatusCode < 300)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // its text has the URL, which may be signed
		}
		return nil, fmt.Errorf("%s: %w", callOf(req), err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	defer discard(resp.Body)
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came is enough
	return nil, &statusError{callOf(req), resp.StatusCode, b}
}

// discard reads a little of what is left, so that the connection can be used
// again.
func discard(body io.Reader) {
	_, _ = io.CopyN(io.Discard, body, maxErrorBody) // at worst, a new connection
}

func callOf(req *http.Request) string { return req.Method + " " + req.URL.Path }
