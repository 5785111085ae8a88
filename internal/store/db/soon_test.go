package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func insertSoon(s *db.DB, key, name string) {
	s.Soon(key, func(ctx context.Context, tx *db.Tx) error {
		if name == "" {
			return errors.New("a bad entry")
		}
		_, err := db.Exec(ctx, tx, insertItem, name, 1)
		return err
	})
}

func TestChatterIsWrittenTogetherAndTheLastOfAKeyWins(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := &logged{}
		o := storetest.Options(t, "sqlite:"+filepath.Join(dir, "test.db"))
		o.Migrations, o.Log = testSchema, log.logger()
		s := openWith(t, o)
		insertSoon(s, "1", "old")
		insertSoon(s, "1", "new")
		insertSoon(s, "2", "other")
		wantNames(t, s)
		time.Sleep(2 * time.Second) // of the bubble
		synctest.Wait()
		wantNames(t, s, "new", "other")
		if got := log.count("transaction committed"); got != 1 {
			t.Errorf("%d commits, want 1", got)
		}
		insertSoon(s, "1", "later")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		wantNames(t, s, "later", "new", "other")
	})
}

func TestBadChatterDoesNotTakeTheRestAlong(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		o := storetest.Options(t, url)
		o.Migrations, o.Log = testSchema, nil
		s, err := db.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		insertSoon(s, "1", "a")
		insertSoon(s, "2", "")
		insertSoon(s, "3", "b")
		if err := s.Close(); err != nil { // writes what waits
			t.Fatal(err)
		}
		insertSoon(s, "4", "too late")
		wantNames(t, openTest(t, url), "a", "b")
	})
}
