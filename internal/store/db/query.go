package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// A Querier runs single statements: a [DB], where each stands alone, or a [Tx],
// where several agree. It returns errors as they come from the driver; [One] and
// the other helpers below turn them into errors that callers can act on.
type Querier interface {
	executor
	// Publish tells what the statements so far have changed: at once, or when the
	// transaction is committed.
	Publish(topics ...Topic)
}

// An executor runs statements.
type executor interface {
	// Query calls read once with the rows of the statement, and reads them to
	// their end afterwards. When a transaction is repeated, read is called again.
	Query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error
	// Exec returns the number of rows that the statement changed.
	Exec(ctx context.Context, text string, args []any) (int64, error)
}

// A Row is what a scan function reads one row from.
type Row interface{ Scan(dest ...any) error }

// One returns the first row of a statement, and NotFound when there is none.
func One[T any](ctx context.Context, q Querier, scan func(Row) (T, error), text string, args ...any) (T, error) {
	var v T
	err := q.Query(ctx, text, args, func(rows *sql.Rows) (err error) {
		if !rows.Next() {
			if err := rows.Err(); err != nil {
				return err
			}
			return sql.ErrNoRows
		}
		v, err = scan(rows)
		return err
	})
	if err != nil {
		var zero T
		return zero, translate(err)
	}
	return v, nil
}

// All returns every row of a statement, nil when there is none.
func All[T any](ctx context.Context, q Querier, scan func(Row) (T, error), text string, args ...any) ([]T, error) {
	var list []T
	err := q.Query(ctx, text, args, func(rows *sql.Rows) error {
		list = nil // a repeated transaction reads again
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, translate(err)
	}
	return list, nil
}

// Exec runs a statement and returns how many rows it changed.
func Exec(ctx context.Context, q Querier, text string, args ...any) (int64, error) {
	n, err := q.Exec(ctx, text, args)
	if err != nil {
		return 0, translate(err)
	}
	return n, nil
}

// ExecOne runs a statement that must change a row; NotFound when it changes none.
func ExecOne(ctx context.Context, q Querier, text string, args ...any) error {
	n, err := Exec(ctx, q, text, args...)
	if err == nil && n == 0 {
		err = translate(sql.ErrNoRows)
	}
	return err
}

// Value scans a row that has one column: One(ctx, q, Value[int64], `select count(*) …`).
func Value[T any](r Row) (T, error) {
	var v T
	err := r.Scan(&v)
	return v, err
}

// writes tells whether a statement changes data. CTEs only read, so the first
// word decides; a read pool of SQLite refuses what would slip through.
func writes(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	for _, word := range [...]string{"insert", "update", "delete"} {
		if len(text) > len(word) && strings.EqualFold(text[:len(word)], word) {
			return true
		}
	}
	return false
}

// readAll gives rows to read, drains what it left (a statement with `returning`
// is complete only then) and closes them.
func readAll(rows *sql.Rows, read func(*sql.Rows) error) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	if err := read(rows); err != nil {
		return err
	}
	for rows.Next() {
	}
	return rows.Err()
}

// Query runs a statement by itself: a read on the engine's read pool, a write as
// an update of its own.
func (d *DB) Query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	if !writes(text) {
		err := counted(ctx, d.engine.reader()).Query(ctx, text, args, read)
		_ = d.noted(err) // callers look for errors of the driver, too
		return err
	}
	return d.Update(ctx, func(tx *Tx) error {
		return tx.Query(ctx, text, args, read)
	})
}

// Exec runs a statement as an update of its own.
func (d *DB) Exec(ctx context.Context, text string, args []any) (n int64, err error) {
	err = d.Update(ctx, func(tx *Tx) (err error) {
		n, err = tx.Exec(ctx, text, args)
		return err
	})
	return n, err
}
