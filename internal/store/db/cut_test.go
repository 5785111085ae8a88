package db_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A wire passes connections on to a database until it is cut.
type wire struct {
	address string

	mu    sync.Mutex
	conns []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &wire{address: l.Addr().String()}
	t.Cleanup(w.cut)
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			w.join(t.Context(), from, to)
		}
	}()
	return w
}

func (w *wire) join(ctx context.Context, from net.Conn, to string) {
	on, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if err != nil {
		_ = from.Close()
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, from, on)
	for _, pair := range [][2]net.Conn{{from, on}, {on, from}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
		}()
	}
}

// cut ends the connections that there are.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

func TestWhatIsCutOffInTheMiddleIsUnavailable(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "sqlite" {
			t.Skip("has no connection that can be cut")
		}
		w := newWire(t, u.Host)
		u.Host = w.address
		s, ctx := openTest(t, u.String()), t.Context()
		insert := func(q db.Querier) error {
			_, err := db.Exec(ctx, q, insertItem, "a", 1)
			return err
		}
		for name, do := range map[string]func() error{
			"update": func() error {
				return s.Update(ctx, func(tx *db.Tx) error {
					if err := insert(tx); err != nil {
						return err
					}
					w.cut()
					return nil
				})
			},
			"statement of an update": func() error {
				return s.Update(ctx, func(tx *db.Tx) error {
					w.cut()
					return insert(tx)
				})
			},
			"second statement": func() error {
				return s.Update(ctx, func(tx *db.Tx) error {
					w.cut()
					_ = insert(tx)
					return insert(tx)
				})
			},
			"view": func() error {
				return s.View(ctx, func(tx *db.Tx) error {
					w.cut()
					_, err := db.All(ctx, tx, db.Value[string], `select name from items`)
					return err
				})
			},
			"rows": func() error {
				return s.View(ctx, func(tx *db.Tx) error {
					_, err := db.All(ctx, tx, func(r db.Row) (n int64, err error) {
						w.cut()
						return n, r.Scan(&n)
					}, `select n from generate_series(1, 1000000) as n`)
					return err
				})
			},
		} {
			began := time.Now()
			t.Run(name, func(t *testing.T) {
				wantKind(t, do(), actions.Unavailable)
				if at := s.LastOutage(); at.Before(began) {
					t.Errorf("the last outage was at %v, want it after %v", at, began)
				}
				if err := s.Writable(ctx); err != nil { // it comes back
					t.Error(err)
				}
			})
		}
	})
}
