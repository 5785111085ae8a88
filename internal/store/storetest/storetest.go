// Package storetest opens real stores for tests: SQLite files in milliseconds,
// and databases on a PostgreSQL server that the environment names.
//
// [Each] runs a test on both engines. UNDERSTUDY_TEST_POSTGRES is the URL of a
// server on which the test may create and drop databases; without it the
// PostgreSQL half is skipped, or fails when UNDERSTUDY_TEST_REQUIRE_POSTGRES is
// set, so that CI cannot lose it silently.
//
// The schema is made once, as a template that every test copies.
package storetest

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/store"
)

// Open returns an empty store on SQLite, closed when the test ends.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenURL(t, URL(t))
}

// URL is that of a database on SQLite that has the schema and nothing else.
func URL(t testing.TB) string {
	t.Helper()
	content, err := sqliteTemplate()
	if err != nil {
		t.Fatalf("SQLite template: %v", err)
	}
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// Each runs a test on an empty store of each engine.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachSchema(t, func(t *testing.T, url string) { test(t, OpenURL(t, url)) })
}

// EachSchema runs a test with the URL of a database of each engine that has the
// schema and nothing else.
func EachSchema(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, URL(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresURL(t, true)) })
}

// EachURL runs a test with the URL of an empty database of each engine, one
// without a schema: for tests that open it themselves, or more than once.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresURL(t, false)) })
}

// OpenURL opens the store at url, which is closed when the test ends. On
// PostgreSQL it hears of what other stores of the test change.
func OpenURL(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), Options(t, url))
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	if !strings.HasPrefix(url, "sqlite:") {
		Listen(t, s)
	}
	return s
}

// Listen lets a store on SQLite, too, hear of what others change, until the test
// ends. It returns when it does.
func Listen(t testing.TB, s *store.Store) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Listen(t.Context()) }()
	t.Cleanup(func() { // after the end of the test's context
		if err := <-done; err != nil {
			t.Errorf("listen: %v", err)
		}
	})
	for last := s.Revision(); ; { // two are the same when others are heard
		now := s.Revision()
		if now == last {
			return
		}
		last = now
		<-time.After(time.Millisecond)
	}
}

// Options are what tests open a store with: few connections, no waiting for the
// disk, warnings to the test's output.
func Options(t testing.TB, url string) store.Options {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return store.Options{URL: url, Log: log, Now: time.Now, MaxConns: 8, NoSync: true}
}

// sqliteTemplate is the content of a database file that has the schema only.
var sqliteTemplate = sync.OnceValues(makeTemplate)

func makeTemplate() ([]byte, error) {
	dir, err := os.MkdirTemp("", "storetest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	if err := migrate("sqlite:" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
