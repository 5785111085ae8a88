package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/understudy-ci/understudy/internal/actions"
)

// sockets are listening sockets that another process has opened and passed on, by
// their addresses as --listen has them. While it holds them, whoever connects waits
// through a restart of this server and is not refused.
type sockets map[string]net.Listener

// adopt takes sockets over, and says which addresses they have, in their order.
func adopt(files []*os.File) (s sockets, addrs []string, err error) {
	s = make(sockets, len(files))
	for _, f := range files {
		l, addr, err := listening(f)
		if err == nil && s[addr] != nil {
			err = errors.Join(fmt.Errorf("%s comes twice", addr), l.Close())
		}
		if err != nil {
			err = actions.Errorf(actions.Invalid, "the passed socket %s: %w", f.Name(), err)
			return nil, nil, errors.Join(err, s.close(), closeFiles(files))
		}
		s[addr], addrs = l, append(addrs, addr)
	}
	return s, addrs, closeFiles(files) // each listener has a descriptor of its own
}

// listening is the listener of a socket, and its address.
func listening(f *os.File) (net.Listener, string, error) {
	on, err := unix.GetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case errors.Is(err, unix.ENOTSOCK):
		return nil, "", errors.New("it is no socket")
	case err != nil:
		return nil, "", err
	case on == 0:
		return nil, "", errors.New("it does not listen: with systemd, a socket unit has ListenStream= and Accept=no")
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, "", err
	}
	switch at := l.Addr().(type) {
	case *net.TCPAddr:
		return l, at.String(), nil
	case *net.UnixAddr:
		return l, unixPrefix + at.Name, nil
	}
	return nil, "", errors.Join(fmt.Errorf("%s is neither TCP nor a Unix socket", l.Addr().Network()), l.Close())
}

// take hands out a socket, which is the caller's to close.
func (s sockets) take(addr string) net.Listener {
	l := s[addr]
	delete(s, addr)
	return l
}

// close closes those that nobody has taken.
func (s sockets) close() error {
	var errs []error
	for addr, l := range s {
		errs = append(errs, l.Close())
		delete(s, addr)
	}
	return errors.Join(errs...)
}

func closeFiles(files []*os.File) error {
	var errs []error
	for _, f := range slices.Backward(files) {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
