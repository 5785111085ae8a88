// Package db is the engine under package store: transactions, statements and
// migrations on SQLite and on PostgreSQL. It knows no noun and no table but its own
// list of migrations.
//
// One SQL text serves both databases: placeholders are $1, times are microseconds
// ([Micros], [Time]), booleans are 0 and 1 ([Flag], [Bool]), lists and maps are
// JSON text ([Text], [JSON]). A [DB] and a [Tx] both run statements, through
// [One], [All], [Exec] and [ExecOne]; errors that come from there have a kind.
//
// [DB.Update] is a serializable transaction whose effects are on disk when it
// returns; [DB.UpdateRelaxed] and [DB.Soon] are for writes that may be lost with
// the power, [DB.UpdateRows] for those that depend on nothing but the rows that they
// write; [DB.View] reads one consistent state.
//
// SQLite has one writer connection. Callers of Update stand in line for it; all
// who wait when a transaction starts share it, each in a savepoint of its own,
// and its single flush to disk (file group.go). Reads have a pool of their own and
// see what is committed. PostgreSQL does the same by itself; there, Update
// repeats a transaction that lost a serialization conflict.
//
// A commit tells what it has changed: [Tx.Publish] names [Topic]s, and subscribers
// in this process hear of them before Update returns. Servers that share PostgreSQL
// tell each other shortly after ([DB.Listen]), and may send each other short texts
// ([DB.Send]); on SQLite a check of the file each second finds what other programs
// wrote. What is remembered of the database is good for as long as [DB.Revision] says.
//
// The schema moves forward only, when a database is opened, under a lock.
package db

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Options say where the data is and what the database may use.
type Options struct {
	URL string           // sqlite:PATH, or postgres://…
	Log *slog.Logger     // nil discards
	Now func() time.Time // required

	MaxConns int           // connections for reads (SQLite) or in all but two (PostgreSQL); 0 chooses
	NoSync   bool          // tests only: SQLite answers before the data is on disk
	Recheck  time.Duration // how late a change may be heard of whose notice was lost; 0 for 30 s

	// Migrations make the schema. The root holds files named NNNN_name.sql.
	Migrations fs.FS
}

// A DB is an open database. It is safe for concurrent use.
type DB struct {
	engine  engine
	log     *slog.Logger
	now     func() time.Time
	recheck time.Duration
	feed    *feed
	soon    soon
	outage  atomic.Pointer[time.Time] // the last
	close   func() error              // once
}

// An engine is what differs between the two databases.
type engine interface {
	// reader runs statements that only read.
	reader() executor
	// update runs fn in a transaction and returns when it is committed: on disk,
	// too, unless relaxed. It returns the transaction if it is, or may be: with
	// an error, whether it is committed is not known.
	update(ctx context.Context, m mode, fn func(*Tx) error) (*Tx, error)
	view(ctx context.Context, fn func(*Tx) error) error
	migrate(ctx context.Context, ms []migration, now time.Time) error
	// hear passes on to the feed what others change, and to others what is
	// announced, until ctx ends.
	hear(ctx context.Context, f *feed) error
	announce(topics []Topic)
	send(m Message) // to other servers; it may be lost
	shared() bool   // by servers that cannot be heard before hear runs
	rank() (rank, servers int)
	close() error
}

// Open opens the database at o.URL, creates it if it is a SQLite file, and
// brings its schema up to date. A database with a newer schema is refused.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil || o.Migrations == nil {
		return nil, errors.New("database: Options.Now or Options.Migrations is missing")
	}
	e, err := openEngine(ctx, o)
	if err != nil {
		return nil, err
	}
	d := &DB{engine: e, log: o.Log, now: o.Now, recheck: cmp.Or(o.Recheck, defaultRecheck), feed: &feed{}}
	d.feed.deaf.Store(e.shared())
	d.soon.db = d
	d.close = sync.OnceValue(func() error {
		d.soon.close()
		return e.close()
	})
	if err := d.migrate(ctx, o.Migrations); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return d, nil
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

// Close finishes the updates that are under way, writes what [DB.Soon] still
// holds, and closes the database. Updates that come later get Unavailable.
func (d *DB) Close() error { return d.close() }
