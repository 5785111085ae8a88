package db_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestConcurrentIncrementsAreNotLost(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		if _, err := db.Exec(ctx, s, insertItem, "counter", 0); err != nil {
			t.Fatal(err)
		}
		const callers, rounds = 8, 10
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range rounds {
					// Read, then write what was read: the loser of a conflict must repeat.
					err := s.Update(ctx, func(tx *db.Tx) error {
						n, err := integer(ctx, tx, `select n from items where name = 'counter'`)
						if err != nil {
							return err
						}
						return db.ExecOne(ctx, tx, `update items set n = $1 where name = 'counter'`, n+1)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		n, err := integer(ctx, s, `select n from items where name = 'counter'`)
		if err != nil || n != callers*rounds {
			t.Errorf("counter is %d (%v), want %d", n, err, callers*rounds)
		}
	})
}

// Two transactions read both rows, and each empties one of them. In any order
// the second sees what the first did. On PostgreSQL both read before one
// writes, so that one of them loses and must be repeated.
func TestTransactionThatLostAConflictIsRepeated(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s, ctx := openTest(t, url), t.Context()
		for _, name := range []string{"a", "b"} {
			if _, err := db.Exec(ctx, s, insertItem, name, 1); err != nil {
				t.Fatal(err)
			}
		}
		const sum = `select cast(sum(n) as bigint) from items`
		var wg, both sync.WaitGroup
		var runs atomic.Int64
		both.Add(2)
		for _, name := range []string{"a", "b"} {
			wg.Go(func() {
				first := true
				err := s.Update(ctx, func(tx *db.Tx) error {
					runs.Add(1)
					n, err := integer(ctx, tx, sum)
					if first {
						both.Done()
						if strings.HasPrefix(url, "postgres") {
							both.Wait()
						}
					}
					first = false
					if err != nil || n < 2 {
						return err
					}
					return db.ExecOne(ctx, tx, `update items set n = 0 where name = $1`, name)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		n, err := integer(ctx, s, sum)
		if err != nil || n != 1 {
			t.Errorf("sum is %d (%v), want 1: exactly one of the two may take", n, err)
		}
		if strings.HasPrefix(url, "postgres") && runs.Load() != 3 {
			t.Errorf("the functions ran %d times, want 3", runs.Load())
		}
	})
}

// logged collects what a store logs, at every level.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func TestUpdatesOfDifferentRowsDoNotRunAgain(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "sqlite:") {
			t.Skip("updates run one after the other")
		}
		d := openTest(t, url)
		for i := range 2 {
			if err := d.Update(t.Context(), func(tx *db.Tx) error {
				_, err := db.Exec(t.Context(), tx, insertItem, fmt.Sprint("item ", i), i)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		var both, wg sync.WaitGroup // both have read before one writes
		both.Add(2)
		for i := range 2 {
			wg.Go(func() {
				tries := 0
				err := d.UpdateRows(t.Context(), func(tx *db.Tx) error {
					name := fmt.Sprint("item ", i)
					if _, err := db.One(t.Context(), tx, db.Value[int64], `select n from items where name = $1`, name); err != nil {
						return err
					}
					if tries++; tries == 1 {
						both.Done()
						both.Wait()
					}
					_, err := db.Exec(t.Context(), tx, `update items set name = $2 where name = $1`, name, name+" more")
					return err
				})
				if err != nil || tries != 1 {
					t.Errorf("%d tries, %v; want one", tries, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestNoUpdateOfARowIsLost(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		if err := d.Update(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, insertItem, "counter", 0)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		const writers, times = 4, 10
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range times {
					err := d.UpdateRowsRelaxed(t.Context(), func(tx *db.Tx) error {
						n, err := db.One(t.Context(), tx, db.Value[int64], `select n from items where name = $1`, "counter")
						if err != nil {
							return err
						}
						_, err = db.Exec(t.Context(), tx, `update items set n = $1 where name = 'counter'`, n+1)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n, err := db.One(t.Context(), d, db.Value[int64], `select n from items where name = $1`, "counter"); n != writers*times || err != nil {
			t.Errorf("%d after %d updates, %v", n, writers*times, err)
		}
	})
}
