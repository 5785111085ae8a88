package db_test

import (
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// openSchema opens the database at url with the given files and closes it.
func openSchema(t *testing.T, url string, files fstest.MapFS) error {
	t.Helper()
	o := storetest.Options(t, url)
	o.Migrations = files
	s, err := db.Open(t.Context(), o)
	if err != nil {
		return err
	}
	return s.Close()
}

func withFile(name, text string) fstest.MapFS {
	files := maps.Clone(testSchema)
	files[name] = &fstest.MapFile{Data: []byte(text)}
	return files
}

func TestMigrationsRunOnceAndInOrder(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		if err := openSchema(t, url, testSchema); err != nil {
			t.Fatal(err)
		}
		two := withFile("0002_more.sql", `insert into items (name, n) values ('from 2', 1); -- and a comment`)
		for range 2 {
			if err := openSchema(t, url, two); err != nil {
				t.Fatal(err)
			}
		}
		o := storetest.Options(t, url)
		o.Migrations = two
		s := openWith(t, o)
		wantNames(t, s, "from 2")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		err := openSchema(t, url, testSchema)
		if err == nil || !strings.Contains(err.Error(), "newer release") {
			t.Errorf("an older program opened a newer schema: %v", err)
		}
	})
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		bad := withFile("0002_bad.sql", `insert into items (name, n) values ('half', 1); create nonsense;`)
		err := openSchema(t, url, bad)
		if err == nil || !strings.Contains(err.Error(), "0002_bad.sql") {
			t.Errorf("got %v, want an error that names the file", err)
		}
		wantNames(t, openTest(t, url))
	})
}

func TestProgramsThatStartTogetherMigrateOnce(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		files := withFile("0002_more.sql", `insert into items (name, n) values ('once', 1);`)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := openSchema(t, url, files); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestMisnumberedMigrationsAreRefused(t *testing.T) {
	for _, name := range []string{"0003_gap.sql", "two.sql", "2_short.sql", "0001_again.sql"} {
		url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
		if err := openSchema(t, url, withFile(name, "select 1")); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
