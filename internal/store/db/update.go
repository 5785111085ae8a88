package db

import (
	"context"
	"log/slog"
)

// A Tx is a transaction. It is valid until the function that received it returns, in that function's
// goroutine only. After a statement has failed, every later one fails and so
// does the transaction; a row that is not there is no failure.
type Tx struct {
	executor
	topics []Topic
	after  []func()
}

// After makes fn run once the transaction is committed, never when it is rolled
// back: for wake-ups and to drop what a cache holds. Functions run in the order in
// which they were given, before Update returns.
func (tx *Tx) After(fn func()) { tx.after = append(tx.after, fn) }

// Publish tells subscribers, once the transaction is committed, that something
// has changed: those in this process before Update returns.
func (tx *Tx) Publish(topics ...Topic) { tx.topics = append(tx.topics, topics...) }

// Update runs fn in a serializable transaction. When it returns nil the effects
// of fn are on disk; when it returns an error there are none, except that a
// connection lost during the commit leaves the outcome open, as everywhere.
//
// fn may run more than once, so it uses only tx, changes nothing outside but its
// results, and must not call the DB: on SQLite it holds the only writer and
// would wait for itself. It must be short: others wait for it.
//
// ctx ends the wait for a turn: fn has not run then. Once fn runs on SQLite, its
// statements and the commit are not interrupted, because an interrupt would
// undo the work of the other callers in the same transaction.
func (d *DB) Update(ctx context.Context, fn func(tx *Tx) error) error {
	return d.update(ctx, mode{}, fn)
}

// UpdateRelaxed is [DB.Update] for what may be repeated or recomputed, such as
// the renewal of a job: it returns when the effects are visible to all readers
// and survive the end of this process, but it does not wait for the disk. Power
// loss may undo it, never half of it, and never what Update has answered.
func (d *DB) UpdateRelaxed(ctx context.Context, fn func(tx *Tx) error) error {
	return d.update(ctx, mode{relaxed: true}, fn)
}

// UpdateRows is [DB.Update] for an fn that writes every row on which what it does
// depends, or adds the row whose absence it depends on. Of two that write one row at
// the same time, one runs again; what fn has only read may have changed by the commit.
// On PostgreSQL it costs much less where many write at once: there a serializable
// transaction runs again, too, when others write near the rows that it has read, in an
// index.
func (d *DB) UpdateRows(ctx context.Context, fn func(tx *Tx) error) error {
	return d.update(ctx, mode{rows: true}, fn)
}

// UpdateRowsRelaxed is [DB.UpdateRows] for what [DB.UpdateRelaxed] is for.
func (d *DB) UpdateRowsRelaxed(ctx context.Context, fn func(tx *Tx) error) error {
	return d.update(ctx, mode{relaxed: true, rows: true}, fn)
}

// A mode is what an update promises less than [DB.Update] does.
type mode struct {
	relaxed bool // the disk is not waited for
	rows    bool // it is not serializable; conflicts of rows are found
}

func (d *DB) update(ctx context.Context, m mode, fn func(*Tx) error) error {
	tx, err := d.engine.update(ctx, m, countedTx(ctx, fn))
	if tx != nil {
		d.Publish(tx.topics...)
	}
	if err != nil {
		err = d.noted(err)
		d.log.DebugContext(ctx, "update failed", slog.Any("err", err))
		return err
	}
	for _, f := range tx.after {
		f()
	}
	return nil
}

// View runs fn in a transaction that only reads: all its queries see the same
// state of the database. It waits for no writer.
func (d *DB) View(ctx context.Context, fn func(tx *Tx) error) error {
	return d.noted(d.engine.view(ctx, countedTx(ctx, fn)))
}
