// Package store keeps what must survive a restart in SQL: runs, jobs, runners,
// tokens, settings. It works on SQLite and on PostgreSQL with one SQL text, and
// no other package writes SQL.
//
// A query is a method of [Store], where it stands alone, and of [Tx], where
// several agree. [Store.Update] is a serializable transaction whose effects are
// on disk when it returns; [Store.UpdateRelaxed] and [Store.Soon] are for writes
// that may be lost with the power; [Store.View] reads one consistent state.
//
// SQLite has one writer connection. Callers of Update stand in line for it; all
// who wait when a transaction starts share it, each in a savepoint of its own,
// and its single flush to disk (file group.go). Reads have a pool of their own and
// see what is committed. PostgreSQL does the same by itself; there, Update
// repeats a transaction that lost a serialization conflict.
//
// Times are microseconds UTC set by Go, enums are GitHub's words, lists are JSON
// text. The schema moves forward only, when a store is opened, under a lock.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

//go:embed migrations/*.sql
var embedded embed.FS

// Options say where the data is and what the store may use.
type Options struct {
	URL string           // sqlite:PATH, or postgres://…
	Log *slog.Logger     // nil discards
	Now func() time.Time // required

	MaxConns int  // connections for reads (SQLite) or in all (PostgreSQL); 0 chooses
	NoSync   bool // tests only: SQLite answers before the data is on disk

	// Migrations replaces the schema of this program, in tests of the engine.
	// Its root holds files named NNNN_name.sql.
	Migrations fs.FS
}

// A Store is an open database. It is safe for concurrent use.
type Store struct {
	queries
	engine engine
	log    *slog.Logger
	now    func() time.Time
	soon   soon
	watch  *watch
	close  func() error // once
}

// An engine is what differs between the two databases.
type engine interface {
	// reader runs statements that only read.
	reader() executor
	// update runs fn in a transaction and returns when it is committed: on disk,
	// too, unless relaxed. It returns the hooks of the transaction to run.
	update(ctx context.Context, relaxed bool, fn func(*Tx) error) (after []func(), err error)
	view(ctx context.Context, fn func(*Tx) error) error
	migrate(ctx context.Context, ms []migration, now time.Time) error
	ping(ctx context.Context) error
	exclusive() bool // no other process writes to the database
	close() error
}

// Open opens the database at o.URL, creates it if it is a SQLite file, and
// brings its schema up to date. A database with a newer schema is refused.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		return nil, errors.New("store: Options.Now is missing")
	}
	files := o.Migrations
	if files == nil {
		sub, err := fs.Sub(embedded, "migrations")
		if err != nil {
			return nil, err
		}
		files = sub
	}
	e, err := openEngine(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &Store{engine: e, log: o.Log, now: o.Now, watch: newWatch()}
	s.queries = queries{alone{s, e.reader()}}
	s.soon.store = s
	s.close = sync.OnceValue(func() error {
		s.soon.close()
		return e.close()
	})
	if err := s.migrate(ctx, files); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return s, nil
}

func openEngine(ctx context.Context, o Options) (engine, error) {
	scheme, path, _ := strings.Cut(o.URL, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, path, o)
	case "postgres", "postgresql":
		return openPostgres(ctx, o)
	}
	// The URL may hold a password: it is not repeated.
	return nil, actions.Errorf(actions.Invalid, "database: want sqlite:PATH or postgres://…")
}

// Ping answers nil when the database can be reached.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.engine.ping(ctx); err != nil {
		return fmt.Errorf("database: %w", translate(err))
	}
	return nil
}

// Close finishes the updates that are under way, writes what [Store.Soon] still
// holds, and closes the database. Updates that come later get Unavailable.
func (s *Store) Close() error { return s.close() }
