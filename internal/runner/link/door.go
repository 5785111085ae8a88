package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Pair makes a door and returns its two ends: the runner's, and the worker's, which
// is to be passed to its process.
func Pair() (outer, inner *os.File, err error) {
	fds, err := pair(unix.SOCK_SEQPACKET)
	if err != nil {
		return nil, nil, fmt.Errorf("door: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "door"), os.NewFile(uintptr(fds[1]), "door"), nil
}

func pair(kind int) (fds [2]int, err error) {
	return unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
}

// packet is a connection that keeps the borders of messages.
func packet(f *os.File) (*net.UnixConn, error) {
	c, err := net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("no socket"), c.Close())
	}
	return u, nil
}

// A listener accepts the connections that come through a door. It has places for
// [maxConns] of them.
type listener struct {
	door   *net.UnixConn
	places chan struct{}
}

func newListener(door *net.UnixConn) *listener {
	return &listener{door, make(chan struct{}, maxConns)}
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	c, err := l.receive()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &conn{Conn: c, free: sync.OnceFunc(func() { <-l.places })}, nil
}

func (l *listener) receive() (net.Conn, error) {
	one, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := l.door.ReadMsgUnix(one, oob)
	if err != nil || n == 0 {
		return nil, errors.Join(err, net.ErrClosed)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errors.New("no connection came"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(errors.New("no connection came"), err)
	}
	return connOf(fds[0])
}

// Close implements [net.Listener].
func (l *listener) Close() error { return l.door.Close() }

// Addr implements [net.Listener].
func (l *listener) Addr() net.Addr { return l.door.LocalAddr() }

func connOf(fd int) (net.Conn, error) {
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "connection")
	c, err := net.FileConn(f)
	return c, errors.Join(err, f.Close())
}

// A conn has a place until it is closed.
type conn struct {
	net.Conn
	free func()
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.free()
	return c.Conn.Close()
}

// A dialer makes connections through a door.
type dialer struct{ door *net.UnixConn }

func (d *dialer) dial(context.Context, string, string) (net.Conn, error) {
	fds, err := pair(unix.SOCK_STREAM)
	if err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	_, _, err = d.door.WriteMsgUnix([]byte{0}, unix.UnixRights(fds[1]), nil)
	if err = errors.Join(err, unix.Close(fds[1])); err != nil {
		return nil, errors.Join(fmt.Errorf("door: %w", err), unix.Close(fds[0]))
	}
	return connOf(fds[0])
}
