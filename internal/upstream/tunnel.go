package upstream

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A tunnel is a SOCKS proxy (RFC 1928, 1929) on loopback for one fetch. It connects to
// one host only, whatever it is asked for, and passes so many bytes.
type tunnel struct {
	u        *Upstream
	host     *Host
	listener net.Listener
	password string
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // nil when it is closed
	left  int64             // bytes that may still come
	err   error             // why something was not let through; the first
}

const tunnelUser = "understudy"

// errConnect is in the error where a host takes no connection.
var errConnect = errors.New("no connection")

type connectError struct{ error }

func (e connectError) Is(target error) bool { return target == errConnect }
func (e connectError) Unwrap() error        { return e.error }

// open makes a tunnel to a host. The caller closes it.
func (u *Upstream) open(ctx context.Context, h *Host) (*tunnel, error) {
	word := make([]byte, 16)
	if _, err := io.ReadFull(u.Random, word); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("tunnel to %s: %w", h.name, err)
	}
	t := &tunnel{u: u, host: h, listener: l, password: hex.EncodeToString(word), conns: make(map[net.Conn]bool), left: u.Limits.Bytes}
	t.wg.Go(t.accept)
	return t, nil
}

// proxy is the tunnel as git's configuration names it: names are looked up here.
func (t *tunnel) proxy() string {
	return "socks5h://" + tunnelUser + ":" + t.password + "@" + t.listener.Addr().String()
}

// close ends all connections, and returns why one was not let through.
func (t *tunnel) close() error {
	err := t.listener.Close()
	t.mu.Lock()
	for c := range t.conns {
		err = errors.Join(err, c.Close())
	}
	t.conns = nil
	refused := t.err
	t.mu.Unlock()
	t.wg.Wait()
	return refused
}

// refusal is why something was not let through, so far.
func (t *tunnel) refusal() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *tunnel) refuse(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
	return err
}

// keep has a connection closed with the tunnel; false when that is closed.
func (t *tunnel) keep(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conns == nil {
		return false
	}
	t.conns[c] = true
	return true
}

func (t *tunnel) drop(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, c)
	_ = c.Close() // which may have been closed
}

func (t *tunnel) accept() {
	for {
		c, err := t.listener.Accept()
		if err != nil {
			return
		}
		if !t.keep(c) {
			_ = c.Close()
			return
		}
		t.wg.Go(func() {
			defer t.drop(c)
			t.serve(c)
		})
	}
}

// Replies of SOCKS.
const (
	socksOK      = 0
	socksRefused = 2
	socksAway    = 4
)

func (t *tunnel) serve(c net.Conn) {
	idle := time.AfterFunc(t.u.Limits.Idle, func() { _ = c.Close() })
	defer idle.Stop()
	r := bufio.NewReader(c)
	name, port, err := t.greet(c, r)
	if err != nil {
		return
	}
	if !t.host.is(name, port) {
		_ = t.refuse(actions.Errorf(actions.Forbidden, "%s leads to %.100s, which is not allowed: connections lead to the listed host only",
			t.host.URL, net.JoinHostPort(name, port)))
		reply(c, socksRefused)
		return
	}
	far, err := t.u.dial(t.host)
	if err != nil {
		_ = t.refuse(connectError{fmt.Errorf("%w: %w", ErrUnreachable, err)})
		reply(c, socksAway)
		return
	}
	if !t.keep(far) {
		_ = far.Close()
		return
	}
	defer t.drop(far)
	idle.Stop()
	silent := time.AfterFunc(t.u.Limits.Idle, func() {
		_ = t.refuse(fmt.Errorf("%w: it sends nothing for %s", ErrUnreachable, t.u.Limits.Idle))
		t.drop(far)
	})
	defer silent.Stop()
	reply(c, socksOK)
	var up sync.WaitGroup
	up.Go(func() {
		_ = t.pass(far, r, func(int) error { silent.Reset(t.u.Limits.Idle); return nil })
		if half, ok := far.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
	})
	_ = t.pass(c, far, func(n int) error { silent.Reset(t.u.Limits.Idle); return t.count(n) })
	_, _ = c.Close(), far.Close()
	up.Wait()
}

// count counts what comes. Too much is refused.
func (t *tunnel) count(n int) error {
	t.mu.Lock()
	t.left -= int64(n)
	over := t.left < 0
	t.mu.Unlock()
	if over {
		return t.refuse(actions.Errorf(actions.Invalid, "%s sends more than %d MiB", t.host.URL, t.u.Limits.Bytes>>20))
	}
	return nil
}

func reply(c net.Conn, code byte) {
	_, _ = c.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0}) // whoever does not read it sees the end
}

// greet reads who asks, and where it wants to go.
func (t *tunnel) greet(c net.Conn, r *bufio.Reader) (name, port string, err error) {
	read := func(n byte) []byte {
		b := make([]byte, n)
		if err == nil {
			_, err = io.ReadFull(r, b)
		}
		return b
	}
	answer := func(b ...byte) {
		if err == nil {
			_, err = c.Write(b)
		}
	}
	read(read(2)[1]) // version and methods
	answer(5, 2)     // by a password
	user := string(read(read(2)[1]))
	password := read(read(1)[0])
	if err != nil {
		return "", "", err
	}
	if user != tunnelUser || subtle.ConstantTimeCompare(password, []byte(t.password)) != 1 {
		answer(1, 1)
		return "", "", errors.New("not for others")
	}
	answer(1, 0)
	switch head := read(4); head[3] {
	case 1:
		name = netip.AddrFrom4([4]byte(read(4))).String()
	case 4:
		name = netip.AddrFrom16([16]byte(read(16))).String()
	case 3:
		name = string(read(read(1)[0]))
	default:
		err = errors.Join(err, errors.New("no such address"))
	}
	p := read(2)
	return name, strconv.Itoa(int(p[0])<<8 | int(p[1])), err
}

// pass copies what comes until its end, and tells seen of it.
func (t *tunnel) pass(to io.Writer, from io.Reader, seen func(n int) error) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if serr := seen(n); serr != nil {
				return serr
			}
			if _, werr := to.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err != nil {
			return err
		}
	}
}
