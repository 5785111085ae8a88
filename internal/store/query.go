package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// queries holds every method that reads or writes a table. It is embedded in
// [Store], where each method stands alone, and in [Tx], where several agree.
type queries struct{ ex executor }

// An executor runs single statements. It returns errors as they come from the
// driver; the helpers below turn them into errors that callers can act on.
type executor interface {
	// query calls read once with the rows of the statement, and reads them to
	// their end afterwards. When a transaction is repeated, read is called again.
	query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error
	// exec returns the number of rows that the statement changed.
	exec(ctx context.Context, text string, args []any) (int64, error)
}

// A row is what a scan function reads one row from.
type row interface{ Scan(dest ...any) error }

// one returns the first row of a statement, and NotFound when there is none.
func one[T any](ctx context.Context, q queries, scan func(row) (T, error), text string, args ...any) (T, error) {
	var v T
	err := q.ex.query(ctx, text, args, func(rows *sql.Rows) (err error) {
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

// all returns every row of a statement, nil when there is none.
func all[T any](ctx context.Context, q queries, scan func(row) (T, error), text string, args ...any) ([]T, error) {
	var list []T
	err := q.ex.query(ctx, text, args, func(rows *sql.Rows) error {
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

// exec runs a statement and returns how many rows it changed.
func exec(ctx context.Context, q queries, text string, args ...any) (int64, error) {
	n, err := q.ex.exec(ctx, text, args)
	if err != nil {
		return 0, translate(err)
	}
	return n, nil
}

// execOne runs a statement that must change a row; NotFound when it changes none.
func execOne(ctx context.Context, q queries, text string, args ...any) error {
	n, err := exec(ctx, q, text, args...)
	if err == nil && n == 0 {
		err = translate(sql.ErrNoRows)
	}
	return err
}

// value scans a row that has one column: one(ctx, q, value[int64], `select count(*) …`).
func value[T any](r row) (T, error) {
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

// alone runs each statement by itself: reads on the engine's read pool, a write
// as an update of its own.
type alone struct {
	store *Store
	reads executor
}

func (a alone) query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	if !writes(text) {
		return a.reads.query(ctx, text, args, read)
	}
	return a.store.Update(ctx, func(tx *Tx) error {
		return tx.ex.query(ctx, text, args, read)
	})
}

func (a alone) exec(ctx context.Context, text string, args []any) (n int64, err error) {
	err = a.store.Update(ctx, func(tx *Tx) (err error) {
		n, err = tx.ex.exec(ctx, text, args)
		return err
	})
	return n, err
}
