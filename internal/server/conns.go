package server

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/understudy-ci/understudy/internal/limit"
)

// conns are the connections that are open. There are at most so many, in all and from
// one address, because each takes one of the files that the process may have open;
// who opens one more than that has the oldest closed that no request is using. Where
// all are in use, it is not let in.
//
// When all but an eighth are in use, the rest is for runners, their jobs and /healthz:
// every other request that begins is refused, and its connection closed.
type conns struct {
	most, each int
	usual      int // connections in use beyond so many are spare

	mu   sync.Mutex
	open int
	from map[netip.Addr]*origin
	idle *list.List // of *conn, the oldest first: those that no request is using
}

// An origin is what is open from an address.
type origin struct {
	open int
	idle *list.List
}

// maxConnections is how many connections there may be where the system allows any
// number of files.
const maxConnections = 10_000

func newConns(v limit.Values) *conns {
	c := &conns{most: v.Get(limit.AllConnections), each: v.Get(limit.Connections), from: make(map[netip.Addr]*origin), idle: list.New()}
	if c.most == 0 {
		c.most = maxConnections
		var files unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil {
			c.most = int(min(uint64(c.most), max(files.Cur/2, 1)))
		}
	}
	c.usual = c.most - c.most/8
	return c
}

// admit counts a new connection, and closes others for it. False means that there is
// no room.
func (s *conns) admit(c *conn) bool {
	s.mu.Lock()
	o := s.from[c.addr]
	if o == nil {
		o = &origin{idle: list.New()}
		s.from[c.addr] = o
	}
	var old *conn
	switch {
	case o.open >= s.each && !c.addr.IsLoopback():
		old = oldest(o.idle)
	case s.open >= s.most:
		old = oldest(s.idle)
	default:
		s.enter(c, o)
		s.mu.Unlock()
		return true
	}
	if old == nil {
		if o.open == 0 {
			delete(s.from, c.addr)
		}
		s.mu.Unlock()
		return false
	}
	s.leave(old)
	s.from[c.addr] = o // it may have been the last of its address
	s.enter(c, o)
	s.mu.Unlock()
	_ = old.Conn.Close() // its server notices
	return true
}

func oldest(l *list.List) *conn {
	if e := l.Front(); e != nil {
		return e.Value.(*conn)
	}
	return nil
}

func (s *conns) enter(c *conn, o *origin) {
	s.open++
	o.open++
	c.in = true
	s.rest(c, o)
}

// rest notes that no request is using a connection.
func (s *conns) rest(c *conn, o *origin) {
	if c.inAll == nil {
		c.inAll, c.inOrigin = s.idle.PushBack(c), o.idle.PushBack(c)
	}
}

// use notes that a request is using a connection.
func (s *conns) use(c *conn, o *origin) {
	if c.inAll != nil {
		s.idle.Remove(c.inAll)
		o.idle.Remove(c.inOrigin)
		c.inAll, c.inOrigin = nil, nil
	}
}

func (s *conns) leave(c *conn) {
	if !c.in {
		return
	}
	o := s.from[c.addr]
	s.use(c, o)
	c.in = false
	s.open--
	if o.open--; o.open == 0 {
		delete(s.from, c.addr)
	}
}

// closed notes that a connection is.
func (s *conns) closed(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(c)
}

// state is told of each change of a connection. See [http.Server].
func (s *conns) state(nc net.Conn, state http.ConnState) {
	c := connOf(nc)
	if c == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.in {
		return
	}
	switch o := s.from[c.addr]; state {
	case http.StateIdle:
		s.rest(c, o)
	case http.StateActive, http.StateHijacked:
		s.use(c, o)
		c.spare.Store(s.open-s.idle.Len() > s.usual)
	case http.StateNew, http.StateClosed:
	}
}

type connKey struct{}

// withConn gives requests their connection.
func withConn(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, connOf(nc))
}

func connOf(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, _ := nc.(*conn)
	return c
}

// spare says whether a request came by a connection that is kept for others.
func spare(r *http.Request) bool {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c != nil && c.spare.Load()
}
