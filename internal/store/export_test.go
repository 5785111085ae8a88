package store

import (
	"context"
	"database/sql"
)

// The engine's tests use a table of their own through these.

func (q queries) ExecText(ctx context.Context, text string, args ...any) (int64, error) {
	return exec(ctx, q, text, args...)
}

func (q queries) Int(ctx context.Context, text string, args ...any) (int64, error) {
	return one(ctx, q, value[int64], text, args...)
}

func (q queries) Texts(ctx context.Context, text string, args ...any) ([]string, error) {
	return all(ctx, q, value[string], text, args...)
}

func (q queries) ChangeOne(ctx context.Context, text string, args ...any) error {
	return execOne(ctx, q, text, args...)
}

// An Explainer runs queries on SQLite, and keeps how the engine goes about them.
type Explainer struct {
	queries
	Plans *[]string
}

// Explain returns the store's queries, explained.
func (s *Store) Explain() Explainer {
	plans := new([]string)
	return Explainer{queries{explainer{s.engine.reader(), plans}}, plans}
}

type explainer struct {
	executor
	plans *[]string
}

func (x explainer) query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	err := x.executor.query(ctx, "explain query plan "+text, args, func(rows *sql.Rows) error {
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			*x.plans = append(*x.plans, detail)
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	return x.executor.query(ctx, text, args, read)
}
