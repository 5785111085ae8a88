package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/understudy-ci/understudy/internal/store"
)

const (
	postgresEnv = "UNDERSTUDY_TEST_POSTGRES"
	requireEnv  = "UNDERSTUDY_TEST_REQUIRE_POSTGRES"

	templateLock = 0x746d706c // advisory lock of those who make the template
)

// postgresURL makes a database for one test, with or without the schema.
func postgresURL(t testing.TB, schema bool) string {
	t.Helper()
	server := os.Getenv(postgresEnv)
	if server == "" {
		if os.Getenv(requireEnv) != "" {
			t.Fatalf("%s is set, but %s names no server", requireEnv, postgresEnv)
		}
		t.Skipf("no PostgreSQL: set %s to the URL of a server for tests", postgresEnv)
	}
	create := ""
	if schema {
		template, err := postgresTemplate()
		if err != nil {
			t.Fatalf("PostgreSQL template: %v", err)
		}
		create = " template " + template
	}
	name := "understudy_test_" + strings.ToLower(rand.Text())
	if err := admin(t.Context(), server, "create database "+name+create); err != nil {
		t.Fatalf("create database: %v", err)
	}
	t.Cleanup(func() {
		if err := admin(context.WithoutCancel(t.Context()), server, "drop database "+name+" with (force)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	return databaseURL(t, server, name)
}

func databaseURL(t testing.TB, server, name string) string {
	t.Helper()
	u, err := withDatabase(server, name)
	if err != nil {
		t.Fatalf("%s: %v", postgresEnv, err)
	}
	return u
}

func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

func admin(ctx context.Context, server, text string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, text)
	return err
}

// postgresTemplate makes the database that tests copy, once for all test
// programs with the same schema, and returns its name. It stays on the server.
var postgresTemplate = sync.OnceValues(func() (string, error) {
	content, err := sqliteTemplate() // has the text of every statement of the schema
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	name := "understudy_template_" + hex.EncodeToString(sum[:8])
	server := os.Getenv(postgresEnv)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx) // ends the lock, too
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", int64(templateLock)); err != nil {
		return "", err
	}
	var exists bool
	err = conn.QueryRow(ctx, "select exists (select 1 from pg_database where datname = $1)", name).Scan(&exists)
	if err != nil || exists {
		return name, err
	}
	// It gets its name when it is complete: this program may be killed.
	const draft = "understudy_template_draft"
	if _, err := conn.Exec(ctx, "drop database if exists "+draft+" with (force)"); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, "create database "+draft); err != nil {
		return "", err
	}
	u, err := withDatabase(server, draft)
	if err != nil {
		return "", err
	}
	if err := migrate(u); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "alter database "+draft+" rename to "+name)
	return name, err
})

// migrate opens a store, which makes its schema, and closes it.
func migrate(url string) error {
	// A fixed time makes the file, and so the template's name, reproducible.
	now := func() time.Time { return time.UnixMicro(0) }
	s, err := store.Open(context.Background(), store.Options{URL: url, Now: now, MaxConns: 2, NoSync: true})
	if err != nil {
		return err
	}
	return s.Close()
}
