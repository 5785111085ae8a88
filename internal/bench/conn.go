package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// A conn is one keep-alive connection to a server, for one goroutine at a time.
// It costs less than half of what http.Client does: no goroutines of its own, one
// write a request, and its memory is used again.
type conn struct {
	base string
	host string
	c    net.Conn
	r    *bufio.Reader
	from string // the address that a proxy says the requests come from; "" for none
	out  []byte
	in   bytes.Buffer
	stop func() bool

	header http.Header // of the last answer
}

// dial connects to the server of a base URL. The connection ends with ctx.
func dial(ctx context.Context, base string) (*conn, error) {
	host := strings.TrimPrefix(base, "http://")
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	return &conn{base: base, host: host, c: c, r: bufio.NewReaderSize(c, 16<<10), stop: stop}, nil
}

func (c *conn) close() {
	c.stop()
	c.c.Close()
}

// do sends a request to a path, or to a URL on this server, and returns the
// status and body of the answer. The body is good until the next request.
func (c *conn) do(method, target, auth string, body []byte) (int, []byte, error) {
	b := append(c.out[:0], method...)
	b = append(b, ' ')
	b = append(b, strings.TrimPrefix(target, c.base)...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.host...)
	if auth != "" {
		b = append(b, "\r\nAuthorization: "...)
		b = append(b, auth...)
	}
	if c.from != "" {
		b = append(b, "\r\nX-Forwarded-For: "...)
		b = append(b, c.from...)
	}
	if body != nil {
		b = append(b, "\r\nContent-Type: "...)
		b = append(b, typeOf(body)...)
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
	}
	c.out = append(b, "\r\n\r\n"...)
	if err := c.send(body); err != nil {
		return 0, nil, err
	}
	c.in.Reset()
	status, _, err := c.answer(&c.in)
	return status, c.in.Bytes(), err
}

// send writes the request in out with a body: a short one together with it, a
// long one without copying it.
func (c *conn) send(body []byte) error {
	if len(body) <= 64<<10 {
		c.out = append(c.out, body...)
		_, err := c.c.Write(c.out)
		return err
	}
	_, err := (&net.Buffers{c.out, body}).WriteTo(c.c)
	return err
}

// answer reads an answer and writes its body to w.
func (c *conn) answer(w io.Writer) (status int, n int64, err error) {
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	c.header = resp.Header
	n, err = io.Copy(w, resp.Body)
	return resp.StatusCode, n, err
}

// drain gets a path and returns how many bytes there are.
func (c *conn) drain(target string) (int64, error) {
	c.out = fmt.Appendf(c.out[:0], "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", strings.TrimPrefix(target, c.base), c.host)
	if err := c.send(nil); err != nil {
		return 0, err
	}
	status, n, err := c.answer(io.Discard)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("GET %s: %d", target, status)
	}
	return n, err
}

func typeOf(body []byte) string {
	switch {
	case bytes.HasPrefix(body, []byte("{")):
		return "application/json"
	case bytes.HasPrefix(body, []byte("grant_type=")):
		return "application/x-www-form-urlencoded"
	}
	return "text/plain"
}

// expect is do for an answer that must be 2xx.
func (c *conn) expect(method, target, auth string, body []byte) ([]byte, error) {
	status, answer, err := c.do(method, target, auth, body)
	if err == nil && status/100 != 2 {
		path, _, _ := strings.Cut(target, "?")
		err = fmt.Errorf("%s %s: %d: %.300s", method, path, status, answer)
	}
	return answer, err
}
