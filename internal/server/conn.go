package server

import (
	"container/list"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// A conn is a connection whose client must read what it is sent ([progress]). All
// that the server writes goes through it, whatever the surface and the protocol.
type conn struct {
	net.Conn
	now   func() time.Time
	sent  progress
	until time.Time // the write deadline that was set from above; zero for none

	conns *conns
	addr  netip.Addr // of the client; a loopback one for a Unix socket
	spare atomic.Bool

	// guarded by conns.mu
	in              bool          // it is counted
	inAll, inOrigin *list.Element // in the lists of idle ones; nil in use
}

// A connListener makes a conn of each connection, as long as there is room.
type connListener struct {
	net.Listener
	conns *conns
	now   func() time.Time
	pause time.Duration
}

// Accept implements [net.Listener].
func (l *connListener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: nc, now: l.now, sent: progress{time: l.pause}, conns: l.conns, addr: netip.IPv6Loopback()}
		if tcp, ok := nc.(*net.TCPConn); ok {
			limitUnsent(tcp)
			if from, ok := tcp.RemoteAddr().(*net.TCPAddr); ok {
				c.addr = from.AddrPort().Addr().Unmap().WithZone("")
			}
		}
		if l.conns.admit(c) {
			return c, nil
		}
		_ = nc.Close() // whoever it is tries again
	}
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.conns.closed(c)
	return c.Conn.Close()
}

// SetDeadline implements [net.Conn].
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetWriteDeadline implements [net.Conn]. The deadline holds besides our own.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.until = t
	return c.Conn.SetWriteDeadline(t)
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (n int, err error) {
	err = c.patiently(func() (int64, error) {
		m, err := c.Conn.Write(p[n:])
		n += m
		return int64(m), err
	})
	return n, err
}

// ReadFrom implements [io.ReaderFrom]: the kernel copies a part of a file to the
// connection. Other sources are not read by it, since the time in which they are read
// would count as the client's.
func (c *conn) ReadFrom(r io.Reader) (n int64, err error) {
	to, ok := c.Conn.(io.ReaderFrom)
	part, _ := r.(*io.LimitedReader)
	if !ok || part == nil || !isFile(part.R) {
		return io.Copy(writerOnly{c}, r)
	}
	err = c.patiently(func() (int64, error) {
		m, err := to.ReadFrom(part) // which counts down what is left of it
		n += m
		return m, err
	})
	return n, err
}

func isFile(r io.Reader) bool {
	_, ok := r.(syscall.Conn)
	return ok
}

// patiently calls send until it is done, fails, or the client takes too little.
func (c *conn) patiently(send func() (int64, error)) error {
	for {
		begin := c.now()
		until := begin.Add(c.sent.left())
		if !c.until.IsZero() && c.until.Before(until) {
			until = c.until
		}
		if err := c.Conn.SetWriteDeadline(until); err != nil {
			return err
		}
		m, err := send()
		again := c.sent.moved(int(m), c.now().Sub(begin))
		if !errors.Is(err, os.ErrDeadlineExceeded) || !again || until.Equal(c.until) {
			return err
		}
	}
}

// writerOnly hides ReadFrom.
type writerOnly struct{ io.Writer }
