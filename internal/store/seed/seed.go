// Package seed writes rows into the database of a server that is not running: more of
// them than anyone waits for through the API. It is for measuring what very many rows
// cost, and nothing that runs in earnest uses it.
package seed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the drivers of the server's databases
	_ "modernc.org/sqlite"
)

// A Seed is an open database.
type Seed struct {
	db    *sql.DB
	now   int64  // microseconds, as rows have it
	tuned string // the statement that tells the engine what has been written
}

// Open opens the database file at path, which a server has made.
func Open(path string, now time.Time) (*Seed, error) {
	return open("sqlite", "file:"+path+"?_pragma=synchronous(off)&_pragma=foreign_keys(off)", "pragma optimize", now)
}

// OpenPostgres opens the PostgreSQL database at url, likewise.
func OpenPostgres(url string, now time.Time) (*Seed, error) {
	return open("pgx", url, "vacuum analyze", now)
}

func open(driver, source, tuned string, now time.Time) (*Seed, error) {
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &Seed{db, now.UnixMicro(), tuned}, nil
}

// Close closes the database.
func (s *Seed) Close() error {
	_, err := s.db.Exec(s.tuned) //nolint:noctx // the last of a connection
	return errors.Join(err, s.db.Close())
}

func (s *Seed) exec(ctx context.Context, text string, args ...any) error {
	if _, err := s.db.ExecContext(ctx, text, args...); err != nil {
		return fmt.Errorf("%.60s…: %w", text, err)
	}
	return nil
}

// Runs copies the run of a repository until there are n.
func (s *Seed) Runs(ctx context.Context, repoID int64, n int) error {
	err := s.exec(ctx, `insert into runs (repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit,
			actor_id, attempt, triggering_id, status, conclusion, created_at, started_at, updated_at)
		with recursive n(i) as (select 1 union all select i + 1 from n where i < $2)
		select repo_id, workflow_id, number + i, name, title, path, event, ref, head_branch, head_sha, head_commit,
			actor_id, attempt, triggering_id, 'completed', 'success', created_at, started_at, updated_at
		from n, runs where repo_id = $1 and number = 1`, repoID, n)
	if err != nil {
		return err
	}
	// A database of an older program, which is measured too, has no such table.
	var has bool
	if err := s.db.QueryRowContext(ctx, `select count(*) from sqlite_master where name = 'run_totals'`).Scan(&has); err != nil || !has {
		return err
	}
	return s.exec(ctx, `insert or replace into run_totals (repo_id, workflow_id, conclusion, slot, total)
		select repo_id, workflow_id, conclusion, id % 8, count(*) from runs where repo_id = $1 group by 1, 2, 3, 4`, repoID)
}

// Secrets adds n secrets of repositories that are not there, 100 of each, which nobody
// can decrypt.
func (s *Seed) Secrets(ctx context.Context, n int) error {
	return s.exec(ctx, `insert into secrets (repo_id, name, key_id, sealed, created_at, updated_at)
		with recursive n(i) as (select 0 union all select i + 1 from n where i < $1 - 1)
		select 1000000 + i / 100, 'SECRET_' || (i % 100), (select max(id) from secret_keys), randomblob(120), $2, $2 from n`, n, s.now)
}

// Artifacts gives each run of a repository so many artifacts, whose bytes are
// nowhere. They are called artifact-1 and so on, in each run.
func (s *Seed) Artifacts(ctx context.Context, repoID int64, each int) error {
	err := s.exec(ctx, `insert into artifacts (repo_id, run_id, attempt, job_id, name, content_type, object_id, status, size, digest, created_at, updated_at, expires_at)
		with recursive n(i) as (select 1 union all select i + 1 from n where i < $2)
		select repo_id, id, 1, 0, 'artifact-' || i, 'application/zip', 0, 'live', 1024,
			'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', $3, $3, $4
		from runs, n where repo_id = $1 and status = 'completed'`, repoID, each, s.now, s.now+(90*24*time.Hour).Microseconds())
	if err != nil {
		return err
	}
	return s.sums(ctx, repoID)
}

// sums makes the sums of a repository's artifacts.
func (s *Seed) sums(ctx context.Context, repoID int64) error {
	err := s.exec(ctx, `insert or replace into usages (repo_id, artifacts, artifact_bytes, caches, cache_bytes)
		select $1, count(*), sum(size), 0, 0 from artifacts where repo_id = $1`, repoID)
	if err != nil {
		return err
	}
	return s.exec(ctx, `insert or replace into artifact_names (repo_id, name, total)
		select repo_id, name, count(*) from artifacts where repo_id = $1 group by name`, repoID)
}

// Expired adds artifacts of a run whose time is over, of size bytes each. Their
// bytes are in the blobs of the given keys, one for each.
func (s *Seed) Expired(ctx context.Context, repoID, runID, size int64, keys []string) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is committed, or nothing is
	past := s.now - time.Hour.Microseconds()
	for i, key := range keys {
		for _, statement := range []struct {
			text string
			args []any
		}{
			{`insert into objects (id, repo_id, guid, status, size_limit, seq, blocks, received, revision, list, size, digest, created_at, touched_at)
				values ($1, $2, $3, 'sealed', $4, 2, 1, $4, 2, '[1]', $4, 'x', $5, $5)`, []any{i + 1, repoID, uuid.NewString(), size, past}},
			{`insert into object_blocks (object_id, name, seq, blob, size) values ($1, 'x', 1, $2, $3)`, []any{i + 1, key, size}},
			{`insert into artifacts (repo_id, run_id, attempt, job_id, name, content_type, object_id, status, size, digest, created_at, updated_at, expires_at)
				values ($1, $2, 1, 0, $3, 'application/zip', $4, 'live', $5, 'sha256:x', $6, $6, $6)`, []any{repoID, runID, fmt.Sprint("artifact-", i+1), i + 1, size, past}},
		} {
			if _, err := tx.ExecContext(ctx, statement.text, statement.args...); err != nil {
				return fmt.Errorf("%.60s…: %w", statement.text, err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return s.sums(ctx, repoID)
}
