package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// makeOld makes a database at url as an older program has left it: with the first
// so many migrations, and rows.
func makeOld(t *testing.T, url string, migrations int, rows string) {
	t.Helper()
	files := make(fstest.MapFS)
	for i := range migrations {
		names, err := filepath.Glob(fmt.Sprintf("migrations/%04d_*.sql", i+1))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		text, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(names[0])] = &fstest.MapFile{Data: text}
		if i == migrations-1 {
			files[filepath.Base(names[0])].Data = append(text, "\n"+rows...)
		}
	}
	o := storetest.Options(t, url)
	old, err := db.Open(t.Context(), db.Options{URL: o.URL, Now: time.Now, Migrations: files})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
}
