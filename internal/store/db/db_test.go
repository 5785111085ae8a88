package db_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A schema with one table for the tests of the engine.
var testSchema = fstest.MapFS{
	"0001_start.sql": {Data: []byte(`
		create table items (id {{id}}, name text not null unique, n bigint not null, data {{bytes}});
		create table parts (item_id bigint not null references items (id), name text not null);`)},
}

const insertItem = `insert into items (name, n) values ($1, $2)`

func openTest(t testing.TB, url string) *db.DB {
	t.Helper()
	o := storetest.Options(t, url)
	o.Migrations = testSchema
	return openWith(t, o)
}

func openWith(t testing.TB, o db.Options) *db.DB {
	t.Helper()
	s, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// each runs a test on both engines, with the schema above.
func each(t *testing.T, test func(t *testing.T, s *db.DB)) {
	t.Helper()
	storetest.EachURL(t, func(t *testing.T, url string) { test(t, openTest(t, url)) })
}

func integer(ctx context.Context, q db.Querier, text string, args ...any) (int64, error) {
	return db.One(ctx, q, db.Value[int64], text, args...)
}

func names(t *testing.T, s *db.DB) []string {
	t.Helper()
	list, err := db.All(t.Context(), s, db.Value[string], `select name from items order by name`)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func wantNames(t *testing.T, s *db.DB, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, names(t, s)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func wantKind(t *testing.T, err error, want actions.Kind) {
	t.Helper()
	if got := actions.KindOf(err); got != want {
		t.Errorf("got an error of kind %q (%v), want %q", got, err, want)
	}
}

func TestUpdateKeepsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		boom := errors.New("boom")
		err := s.Update(ctx, func(tx *db.Tx) error {
			if _, err := db.Exec(ctx, tx, insertItem, "lost", 1); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Errorf("got %v, want the function's own error", err)
		}
		err = s.Update(ctx, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, insertItem, "kept", 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantNames(t, s, "kept")
	})
}

func TestFailedStatementFailsTheTransactionEvenIfItIsIgnored(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		err := s.Update(ctx, func(tx *db.Tx) error {
			_, _ = db.Exec(ctx, tx, insertItem, "a", 1)
			_, _ = db.Exec(ctx, tx, insertItem, "a", 1) // not unique
			_, _ = db.Exec(ctx, tx, insertItem, "b", 1)
			return nil
		})
		wantKind(t, err, actions.Conflict)
		wantNames(t, s)
	})
}

func TestMissingRowDoesNotFailTheTransaction(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		err := s.Update(ctx, func(tx *db.Tx) error {
			_, err := integer(ctx, tx, `select n from items where name = $1`, "none")
			wantKind(t, err, actions.NotFound)
			wantKind(t, db.ExecOne(ctx, tx, `update items set n = 2 where name = $1`, "none"), actions.NotFound)
			_, err = db.Exec(ctx, tx, insertItem, "a", 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantNames(t, s, "a")
	})
}

func TestErrorsOfTheDatabaseHaveKindsAndPlainTexts(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		if _, err := db.Exec(ctx, s, insertItem, "a", 1); err != nil {
			t.Fatal(err)
		}
		_, err := db.Exec(ctx, s, insertItem, "a", 1)
		wantKind(t, err, actions.Conflict)
		if got, want := fmt.Sprint(err), "already exists"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		_, err = db.Exec(ctx, s, `insert into parts (item_id, name) values ($1, $2)`, 77, "x")
		wantKind(t, err, actions.Conflict)
		_, err = db.Exec(ctx, s, `insert into nowhere (x) values ($1)`, 1)
		wantKind(t, err, actions.Internal)
	})
}

func TestStatementOutsideOfATransactionMayWriteAndReturn(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		id, err := integer(ctx, s, `
			insert into items (name, n) values ($1, $2) returning id`, "a", 5)
		if err != nil {
			t.Fatal(err)
		}
		n, err := integer(ctx, s, `select n from items where id = $1`, id)
		if err != nil || n != 5 {
			t.Errorf("got %d, %v, want 5", n, err)
		}
	})
}

func TestIdsAreNotUsedTwice(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		const insert = `insert into items (name, n) values ($1, 0) returning id`
		first, err := integer(ctx, s, insert, "a")
		if err != nil {
			t.Fatal(err)
		}
		if err := db.ExecOne(ctx, s, `delete from items where id = $1`, first); err != nil {
			t.Fatal(err)
		}
		second, err := integer(ctx, s, insert, "a")
		if err != nil || second <= first {
			t.Errorf("second id %d (%v) after %d was deleted, want a greater one", second, err, first)
		}
	})
}

func TestHooksRunInOrderAfterTheCommitOnly(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		var got []string
		update := func(name string, result error) {
			_ = s.Update(ctx, func(tx *db.Tx) error {
				if _, err := db.Exec(ctx, tx, insertItem, name, 1); err != nil {
					return err
				}
				tx.After(func() { got = append(got, "saw "+strings.Join(names(t, s), ",")) })
				tx.After(func() { got = append(got, "then "+name) })
				return result
			})
		}
		update("a", nil)
		update("b", errors.New("no"))
		update("a", nil) // not unique
		if diff := cmp.Diff([]string{"saw a", "then a"}, got); diff != "" {
			t.Errorf("hooks (-want +got):\n%s", diff)
		}
	})
}

func TestPanicReachesItsCallerAndNobodyElse(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		var recovered any
		func() {
			defer func() { recovered = recover() }()
			_ = s.Update(ctx, func(tx *db.Tx) error {
				if _, err := db.Exec(ctx, tx, insertItem, "lost", 1); err != nil {
					return err
				}
				panic("boom")
			})
		}()
		if recovered != "boom" {
			t.Errorf("recovered %v, want boom", recovered)
		}
		if _, err := db.Exec(ctx, s, insertItem, "kept", 1); err != nil {
			t.Fatal(err)
		}
		wantNames(t, s, "kept")
	})
}

func TestViewSeesOneStateAndCannotWrite(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		if _, err := db.Exec(ctx, s, insertItem, "a", 1); err != nil {
			t.Fatal(err)
		}
		err := s.View(ctx, func(tx *db.Tx) error {
			const count = `select count(*) from items`
			before, err := integer(ctx, tx, count)
			if err != nil {
				return err
			}
			if _, err := db.Exec(ctx, s, insertItem, "b", 1); err != nil {
				return err
			}
			after, err := integer(ctx, tx, count)
			if before != 1 || after != 1 {
				t.Errorf("saw %d, then %d items, want 1 both times", before, after)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.View(ctx, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, insertItem, "c", 1)
			return err
		})
		if err == nil {
			t.Error("a write in View succeeded")
		}
		err = s.View(ctx, func(tx *db.Tx) error {
			_, err := integer(ctx, tx, `insert into items (name, n) values ('d', 1) returning id`)
			return err
		})
		if err == nil {
			t.Error("a write by query in View succeeded")
		}
		wantNames(t, s, "a", "b")
	})
}

func TestCanceledCallerHasNotRun(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := s.Update(ctx, func(*db.Tx) error {
			t.Error("the function ran")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	o := storetest.Options(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	o.Migrations = testSchema
	s, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second Close does nothing
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, s.Update(t.Context(), func(*db.Tx) error { return nil }), actions.Unavailable)
}

func TestBadURLsAreRefusedWithoutTheirPassword(t *testing.T) {
	for _, url := range []string{"", "mysql://u:hunter2@h/d", "sqlite:", "postgres://u:hunter2@[::1/d", "postgres://u:hunter2@h:x/d"} {
		_, err := db.Open(t.Context(), db.Options{URL: url, Now: time.Now, Migrations: testSchema})
		wantKind(t, err, actions.Invalid)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the password: %v", url, err)
		}
	}
}

func TestBytesComeBackAsTheyWere(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		ctx := t.Context()
		want := []byte{0, 1, 0xff, '\''}
		if _, err := db.Exec(ctx, s, `insert into items (name, n, data) values ($1, $2, $3)`, "a", 1, want); err != nil {
			t.Fatal(err)
		}
		n, err := integer(ctx, s, `select count(*) from items where data = $1`, want)
		if err != nil || n != 1 {
			t.Errorf("found %d rows (%v), want 1", n, err)
		}
	})
}
