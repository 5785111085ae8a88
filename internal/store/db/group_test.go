package db_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A line is callers of one SQLite store who wait behind a first one.
type line struct {
	*db.DB
	log *logged
	wg  sync.WaitGroup
	let chan struct{}
}

// behindOne runs a test inside of a synctest bubble, so that it can wait until
// every caller stands in line behind a first one, which holds the writer.
func behindOne(t *testing.T, test func(t *testing.T, l *line)) {
	t.Helper()
	behind(t, func(*db.Tx) error { return nil }, nil, test)
}

// behind is behindOne with what the one does in the end, and the error that it is
// to get.
func behind(t *testing.T, end func(tx *db.Tx) error, want error, test func(t *testing.T, l *line)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := &line{log: &logged{}, let: make(chan struct{})}
		o := storetest.Options(t, "sqlite:"+filepath.Join(dir, "test.db"))
		o.Migrations, o.NoSync, o.Log = testSchema, false, l.log.logger()
		l.DB = openWith(t, o)
		l.wg.Go(func() {
			err := l.Update(t.Context(), func(tx *db.Tx) error {
				<-l.let
				return end(tx)
			})
			if !errors.Is(err, want) {
				t.Errorf("the first got %v, want %v", err, want)
			}
		})
		synctest.Wait()
		test(t, l)
	})
}

// insert is a caller who inserts an item.
func (l *line) insert(ctx context.Context, name string, more func(tx *db.Tx) error) (err *error) {
	err = new(error)
	l.wg.Go(func() {
		*err = l.Update(ctx, func(tx *db.Tx) error {
			if _, err := db.Exec(ctx, tx, insertItem, name, 1); err != nil {
				return err
			}
			if more != nil {
				return more(tx)
			}
			return nil
		})
	})
	synctest.Wait() // in line, and in this order
	return err
}

func (l *line) finish() {
	close(l.let)
	l.wg.Wait()
}

func TestWaitingCallersShareOneCommit(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		for i := range 50 {
			l.insert(t.Context(), fmt.Sprint(i), nil)
		}
		before := l.log.count("transaction committed")
		l.finish()
		if got := l.log.count("transaction committed") - before; got != 1 {
			t.Errorf("51 callers took %d commits, want 1", got)
		}
		if got := len(names(t, l.DB)); got != 50 {
			t.Errorf("%d items, want 50", got)
		}
	})
}

func TestBatchesAreBounded(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		for i := range 300 {
			l.insert(t.Context(), fmt.Sprint(i), nil)
		}
		before := l.log.count("transaction committed")
		l.finish()
		if got := l.log.count("transaction committed") - before; got != 2 {
			t.Errorf("301 callers took %d commits, want 2", got)
		}
	})
}

func TestSlowCallerDoesNotPutOffTheAnswersBeforeIt(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		l.insert(t.Context(), "slow", func(*db.Tx) error {
			time.Sleep(time.Second) // of the bubble
			return nil
		})
		l.insert(t.Context(), "next", nil)
		before := l.log.count("transaction committed")
		l.finish()
		if got := l.log.count("transaction committed") - before; got != 2 {
			t.Errorf("%d commits, want 2: the batch ends after the slow caller", got)
		}
	})
}

func TestRelaxedCallerWaitsForNoMoreThanOneSlowDurableOne(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		slow := func(*db.Tx) error {
			time.Sleep(time.Second) // of the bubble
			return nil
		}
		began := time.Now()
		for i := range 20 {
			l.insert(t.Context(), fmt.Sprint(i), slow)
		}
		var waited time.Duration
		l.wg.Go(func() {
			err := l.UpdateRelaxed(t.Context(), func(*db.Tx) error { return nil })
			if err != nil {
				t.Error(err)
			}
			waited = time.Since(began)
		})
		synctest.Wait()
		l.finish()
		if want := 2 * time.Second; waited > want {
			t.Errorf("the relaxed caller waited %s beside 20 durable ones of a second each, want at most %s", waited, want)
		}
	})
}

func TestFailureUndoesOnlyItsOwnWork(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		boom := errors.New("boom")
		l.insert(t.Context(), "a", nil)
		failed := l.insert(t.Context(), "b", func(*db.Tx) error { return boom })
		twice := l.insert(t.Context(), "a", nil)
		after := l.insert(t.Context(), "c", nil)
		l.wg.Go(func() {
			defer func() { _ = recover() }()
			_ = l.Update(t.Context(), func(tx *db.Tx) error {
				_, _ = db.Exec(t.Context(), tx, insertItem, "d", 1)
				panic("boom")
			})
		})
		l.wg.Go(func() {
			_ = l.Update(t.Context(), func(tx *db.Tx) error {
				_, _ = db.Exec(t.Context(), tx, insertItem, "e", 1)
				runtime.Goexit() // as t.FailNow does
				return nil
			})
		})
		synctest.Wait()
		l.insert(t.Context(), "f", nil)
		l.finish()
		if !errors.Is(*failed, boom) {
			t.Errorf("got %v, want boom", *failed)
		}
		wantKind(t, *twice, actions.Conflict)
		if *after != nil {
			t.Error(*after)
		}
		wantNames(t, l.DB, "a", "c", "f")
	})
}

// Some failures, a full disk for one, end SQLite's whole transaction. A
// rollback in the middle has the same effect.
func TestLostTransactionIsRepeatedForTheOthers(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		first := l.insert(t.Context(), "a", nil)
		culprit := l.insert(t.Context(), "b", func(tx *db.Tx) error {
			_, _ = db.Exec(t.Context(), tx, "rollback")
			return errors.New("my own failure")
		})
		last := l.insert(t.Context(), "c", nil)
		l.finish()
		if *first != nil || *last != nil {
			t.Errorf("the others got %v and %v, want nil", *first, *last)
		}
		if *culprit == nil || (*culprit).Error() != "my own failure" {
			t.Errorf("the culprit got %v, want its own failure", *culprit)
		}
		wantNames(t, l.DB, "a", "c")
	})
}

// The first of a batch has no savepoint.
func TestTheFirstOfABatchThatFailsTakesNobodyWithIt(t *testing.T) {
	boom := errors.New("boom")
	for _, last := range []string{"", "rollback"} { // the second time it ends all
		fail := func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, insertItem, "first", 1)
			if last != "" {
				_, err = db.Exec(t.Context(), tx, last)
			}
			return errors.Join(boom, err)
		}
		behind(t, fail, boom, func(t *testing.T, l *line) {
			second := l.insert(t.Context(), "second", nil)
			l.finish()
			if *second != nil {
				t.Errorf("the second got %v, want nil", *second)
			}
			wantNames(t, l.DB, "second")
		})
	}
}

func TestFullDatabaseIsUnavailableAndLosesNothing(t *testing.T) {
	s := openTest(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	ctx := t.Context()
	if _, err := db.Exec(ctx, s, insertItem, "a", 1); err != nil {
		t.Fatal(err)
	}
	pages, err := integer(ctx, s, "pragma page_count")
	if err != nil {
		t.Fatal(err)
	}
	limit := func(n int64) {
		t.Helper()
		err := s.Update(ctx, func(tx *db.Tx) error {
			_, err := integer(ctx, tx, fmt.Sprint("pragma max_page_count = ", n))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const insert = `insert into items (name, n, data) values ($1, 1, $2)`
	limit(pages)
	_, err = db.Exec(ctx, s, insert, "big", make([]byte, 1<<20))
	wantKind(t, err, actions.Unavailable)
	wantNames(t, s, "a")
	limit(1 << 20)
	if _, err := db.Exec(ctx, s, insert, "big", make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	wantNames(t, s, "a", "big")
}

func TestContextEndsTheWaitInLine(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		ctx, cancel := context.WithCancel(t.Context())
		gone := l.insert(ctx, "gone", func(*db.Tx) error {
			t.Error("the function of a caller who left has run")
			return nil
		})
		l.insert(t.Context(), "stays", nil)
		cancel()
		synctest.Wait()
		if !errors.Is(*gone, context.Canceled) {
			t.Errorf("got %v while the writer is taken, want context.Canceled", *gone)
		}
		l.finish()
		wantNames(t, l.DB, "stays")
	})
}

func TestContextThatEndsMidwayInterruptsNothing(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		ctx, cancel := context.WithCancel(t.Context())
		err := l.insert(ctx, "a", func(tx *db.Tx) error {
			cancel()
			_, err := db.Exec(ctx, tx, insertItem, "b", 1)
			return err
		})
		l.finish()
		if *err != nil {
			t.Error(*err)
		}
		wantNames(t, l.DB, "a", "b")
	})
}

func TestCloseServesThoseInLine(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		waiting := l.insert(t.Context(), "a", nil)
		l.wg.Go(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		l.finish()
		if *waiting != nil {
			t.Error(*waiting)
		}
	})
}

// In WAL mode a commit returns after the log's flush when synchronous is 2
// (full); with 1 (normal) it does not flush.
func TestOnlyRelaxedBatchesSkipTheFlush(t *testing.T) {
	behindOne(t, func(t *testing.T, l *line) {
		ctx := t.Context()
		level := func(update func(context.Context, func(*db.Tx) error) error) (got int64) {
			err := update(ctx, func(tx *db.Tx) (err error) {
				got, err = integer(ctx, tx, "pragma synchronous")
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return got
		}
		var ride int64
		l.wg.Go(func() { ride = level(l.UpdateRelaxed) }) // behind a durable caller
		synctest.Wait()
		l.finish()
		relaxed, durable, again := level(l.UpdateRelaxed), level(l.Update), level(l.UpdateRelaxed)
		if ride != 2 || relaxed != 1 || durable != 2 || again != 1 {
			t.Errorf("synchronous is %d riding along, %d relaxed, %d durable, %d relaxed again; want 2, 1, 2, 1",
				ride, relaxed, durable, again)
		}
	})
}

func TestRelaxedUpdateIsVisibleWhenItReturns(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		err := s.UpdateRelaxed(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, insertItem, "a", 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantNames(t, s, "a")
	})
}
