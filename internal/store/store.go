// Package store keeps what must survive a restart in SQL: runs, jobs, runners,
// tokens, settings. No other package writes SQL; package db below runs it, on
// SQLite and on PostgreSQL.
//
// A query is a method of [Store], where it stands alone, and of [Tx], where
// several agree. [Store.Update] is a serializable transaction whose effects are
// on disk when it returns; [Store.UpdateRelaxed] and [Store.Soon] are for writes
// that may be lost with the power, [Store.UpdateRows] for those that depend on nothing
// but the rows that they write; [Store.View] reads one consistent state.
//
// What is written is published as a [Topic]: those who wait subscribe to it, and
// what is remembered is good for one [Store.Revision] of it. It is one feed for all
// servers on a database; a notice that is lost costs half a minute.
//
// Who changed what is written by the methods that change it, into the audit log and
// in the same transaction: see [Tx.Audit].
//
// Times are microseconds UTC set by Go, enums are GitHub's words, lists are JSON
// text. The schema is in migrations, whose files are never edited after a release.
package store

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

//go:embed migrations/*.sql
var embedded embed.FS

// Options say where the data is. Without Migrations the schema is this program's.
type Options = db.Options

// A Page is a slice of a list.
type Page = actions.Page

// A Tally counts statements, to see what an operation costs the database.
type Tally = db.Tally

// queries holds every method that reads or writes a table. It is embedded in
// [Store], where each method stands alone, and in [Tx], where several agree.
type queries struct{ ex db.Querier }

// exec runs a statement and publishes what it has changed.
func (q queries) exec(ctx context.Context, topic Topic, text string, args ...any) error {
	_, err := db.Exec(ctx, q.ex, text, args...)
	if err == nil {
		q.ex.Publish(topic)
	}
	return err
}

// A Store is an open database. It is safe for concurrent use.
type Store struct {
	queries
	db  *db.DB
	now func() time.Time
}

// A Tx is a transaction. Every query of [Store] is a method of it, too. It is
// valid until the function that received it returns, in that function's
// goroutine only. After a statement has failed, every later one fails and so
// does the transaction; a row that is not there is no failure.
type Tx struct {
	queries
	tx  *db.Tx
	now func() time.Time
}

// Open opens the database at o.URL, creates it if it is a SQLite file, and
// brings its schema up to date. A database with a newer schema is refused.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Migrations == nil {
		files, err := fs.Sub(embedded, "migrations")
		if err != nil {
			return nil, err
		}
		o.Migrations = files
	}
	d, err := db.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &Store{queries: queries{d}, db: d, now: o.Now}, nil
}

// Update runs fn in a serializable transaction. When it returns nil the effects
// of fn are on disk; when it returns an error there are none.
//
// fn may run more than once, so it uses only tx, changes nothing outside but its
// results, and must not call the store: on SQLite it holds the only writer and
// would wait for itself. It must be short: others wait for it. [db.DB.Update] says
// what the end of ctx means.
func (s *Store) Update(ctx context.Context, fn func(tx *Tx) error) error {
	return s.db.Update(ctx, s.in(fn))
}

// UpdateRelaxed is [Store.Update] for what may be repeated or recomputed, such as
// the renewal of a job: it returns when the effects are visible to all readers
// and survive the end of this process, but it does not wait for the disk. Power
// loss may undo it, never half of it, and never what Update has answered.
func (s *Store) UpdateRelaxed(ctx context.Context, fn func(tx *Tx) error) error {
	return s.db.UpdateRelaxed(ctx, s.in(fn))
}

// UpdateRows is [Store.Update] for an fn that writes every row on which what it does
// depends; see [db.DB.UpdateRows]. It is for what each job does often.
func (s *Store) UpdateRows(ctx context.Context, fn func(tx *Tx) error) error {
	return s.db.UpdateRows(ctx, s.in(fn))
}

// UpdateRowsRelaxed is [Store.UpdateRows] for what [Store.UpdateRelaxed] is for.
func (s *Store) UpdateRowsRelaxed(ctx context.Context, fn func(tx *Tx) error) error {
	return s.db.UpdateRowsRelaxed(ctx, s.in(fn))
}

// View runs fn in a transaction that only reads: all its queries see the same
// state of the database. It waits for no writer.
func (s *Store) View(ctx context.Context, fn func(tx *Tx) error) error {
	return s.db.View(ctx, s.in(fn))
}

// Soon writes something that may be lost, about a second from now, without
// making the caller wait. A later entry with the same key replaces an earlier one
// that was not written yet. fn runs as in [Store.UpdateRelaxed], together with
// others; its error is only logged.
func (s *Store) Soon(key string, fn func(ctx context.Context, tx *Tx) error) {
	s.db.Soon(key, func(ctx context.Context, tx *db.Tx) error {
		return fn(ctx, s.newTx(tx))
	})
}

func (s *Store) newTx(tx *db.Tx) *Tx { return &Tx{queries{tx}, tx, s.now} }

func (s *Store) in(fn func(*Tx) error) func(*db.Tx) error {
	return func(tx *db.Tx) error { return fn(s.newTx(tx)) }
}

// After makes fn run once the transaction is committed, never when it is rolled
// back: for wake-ups and to drop what a cache holds. Functions run in the order in
// which they were given, before Update returns.
func (tx *Tx) After(fn func()) { tx.tx.After(fn) }

// A Share is a part of the callers; see [db.Share].
type Share = db.Share

// WithShare says which share statements count for; see [db.WithShare].
func WithShare(ctx context.Context, s Share) context.Context { return db.WithShare(ctx, s) }

// Born is when the database was made.
func (s *Store) Born(ctx context.Context) (time.Time, error) { return s.db.Born(ctx) }

// Writable answers nil when something can be written. It writes, and leaves
// nothing behind.
func (s *Store) Writable(ctx context.Context) error { return s.db.Writable(ctx) }

// LastOutage is when the database last could not be reached, or had no space; zero
// for never.
func (s *Store) LastOutage() time.Time { return s.db.LastOutage() }

// Listen hears what other servers change, and what other programs do to a SQLite
// file, and tells others what this server changes, until ctx ends.
func (s *Store) Listen(ctx context.Context) error { return s.db.Listen(ctx) }

// Close finishes the updates that are under way, writes what [Store.Soon] still
// holds, and closes the database. Updates that come later get Unavailable.
func (s *Store) Close() error { return s.db.Close() }
