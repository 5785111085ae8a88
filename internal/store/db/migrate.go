package db

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A migration is one step of the schema, from a file NNNN_name.sql. Steps are
// applied in order, each once, all that are missing in one transaction.
type migration struct {
	version int
	name    string // of the file
	text    string
}

// migrate brings the schema up to date. Two servers that start together on one
// database take turns; the second finds nothing to do.
func (d *DB) migrate(ctx context.Context, files fs.FS) error {
	ms, err := readMigrations(files)
	if err != nil {
		return err
	}
	if err := d.engine.migrate(ctx, ms, d.now()); err != nil {
		return fmt.Errorf("schema: %w", translate(err))
	}
	return nil
}

func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var ms []migration
	for _, name := range names {
		number, _, ok := strings.Cut(path.Base(name), "_")
		version, err := strconv.Atoi(number)
		if !ok || err != nil || len(number) != 4 {
			return nil, fmt.Errorf("migration %q: want NNNN_name.sql", name)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		ms = append(ms, migration{version, name, string(text)})
	}
	slices.SortFunc(ms, func(a, b migration) int { return a.version - b.version })
	for i, m := range ms {
		if m.version != i+1 {
			return nil, fmt.Errorf("migration %q: want number %04d", m.name, i+1)
		}
	}
	return ms, nil
}

// Born is when the database was made.
func (d *DB) Born(ctx context.Context) (time.Time, error) {
	return One(ctx, d, func(r Row) (t time.Time, err error) {
		err = r.Scan(Time(&t))
		return t, err
	}, `select min(applied_at) from schema_migrations`)
}

// A migrator is a connection that is inside of a transaction and holds the lock.
type migrator interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

// A dialect is what an engine writes for the tokens of migrations.
type dialect struct {
	tokens     *strings.Replacer // {{id}} and {{bytes}}
	appendOnly string            // {{append_only TABLE}}: triggers that refuse to change or remove rows of TABLE
}

var appendOnlyToken = regexp.MustCompile(`\{\{append_only (\w+)\}\}`)

// write is the text of a migration for the engine.
func (d dialect) write(text string) string {
	return appendOnlyToken.ReplaceAllStringFunc(d.tokens.Replace(text), func(token string) string {
		return strings.ReplaceAll(d.appendOnly, "TABLE", appendOnlyToken.FindStringSubmatch(token)[1])
	})
}

// migrateOn applies what is missing.
func migrateOn(ctx context.Context, conn migrator, ms []migration, in dialect, now time.Time) error {
	const table = `create table if not exists schema_migrations (
		version    bigint primary key,
		name       text not null,
		applied_at bigint not null
	)`
	if _, err := conn.ExecContext(ctx, table); err != nil {
		return err
	}
	var have int
	err := conn.QueryRowContext(ctx, `select coalesce(max(version), 0) from schema_migrations`).Scan(&have)
	if err != nil {
		return err
	}
	if have > len(ms) {
		return fmt.Errorf("the database has version %d, made by a newer release; this one knows version %d", have, len(ms))
	}
	for _, m := range ms[have:] {
		if _, err := conn.ExecContext(ctx, in.write(m.text)); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		_, err := conn.ExecContext(ctx, `insert into schema_migrations (version, name, applied_at) values ($1, $2, $3)`,
			m.version, m.name, now.UnixMicro())
		if err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	return nil
}
