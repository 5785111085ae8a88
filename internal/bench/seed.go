package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver of the server's database
)

// A seed writes rows into the database of a server that is not running: more of
// them than anyone waits for through the API. It is the only SQL outside of the
// store, and knows its tables as they are.
type seed struct {
	db  *sql.DB
	now int64 // microseconds, as rows have it
}

func (b *bench) seed(s *server) (*seed, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "understudy.db")+"?_pragma=synchronous(off)&_pragma=foreign_keys(off)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &seed{db, b.Now().UnixMicro()}, nil
}

func (s *seed) close() error {
	_, err := s.db.Exec("pragma optimize") //nolint:noctx // the last of a connection
	return errors.Join(err, s.db.Close())
}

func (s *seed) exec(ctx context.Context, text string, args ...any) error {
	if _, err := s.db.ExecContext(ctx, text, args...); err != nil {
		return fmt.Errorf("%.60s…: %w", text, err)
	}
	return nil
}

// runs copies the run of a repository until there are n.
func (s *seed) runs(ctx context.Context, repoID int64, n int) error {
	return s.exec(ctx, `insert into runs (repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit,
			actor_id, attempt, triggering_id, status, conclusion, created_at, started_at, updated_at)
		with recursive n(i) as (select 1 union all select i + 1 from n where i < $2)
		select repo_id, workflow_id, number + i, name, title, path, event, ref, head_branch, head_sha, head_commit,
			actor_id, attempt, triggering_id, 'completed', 'success', created_at, started_at, updated_at
		from n, runs where repo_id = $1 and number = 1`, repoID, n)
}

// artifacts gives each run of a repository so many artifacts, whose bytes are
// nowhere. They are called artifact-1 and so on, in each run.
func (s *seed) artifacts(ctx context.Context, repoID int64, each int) error {
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
func (s *seed) sums(ctx context.Context, repoID int64) error {
	err := s.exec(ctx, `insert or replace into usages (repo_id, artifacts, artifact_bytes, caches, cache_bytes)
		select $1, count(*), sum(size), 0, 0 from artifacts where repo_id = $1`, repoID)
	if err != nil {
		return err
	}
	return s.exec(ctx, `insert or replace into artifact_names (repo_id, name, total)
		select repo_id, name, count(*) from artifacts where repo_id = $1 group by name`, repoID)
}
