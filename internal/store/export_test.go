package store

import (
	"context"
	"database/sql"

	"github.com/understudy-ci/understudy/internal/store/db"
)

// Tests look into tables, and fill them, through these.

func (q queries) ExecText(ctx context.Context, text string, args ...any) (int64, error) {
	return db.Exec(ctx, q.ex, text, args...)
}

func (q queries) Int(ctx context.Context, text string, args ...any) (int64, error) {
	return db.One(ctx, q.ex, db.Value[int64], text, args...)
}

func (q queries) Texts(ctx context.Context, text string, args ...any) ([]string, error) {
	return db.All(ctx, q.ex, db.Value[string], text, args...)
}

// An Explainer runs queries on SQLite, and keeps how the engine goes about them:
// what happens inside of a subquery ends with [Inside].
type Explainer struct {
	queries
	Plans *[]string
}

// Explain returns the store's queries, explained.
func (s *Store) Explain() Explainer {
	plans := new([]string)
	return Explainer{queries{explainer{s.db, plans}}, plans}
}

// Inside ends a step of a plan that is one of a subquery's.
const Inside = " (inside)"

type explainer struct {
	db.Querier
	plans *[]string
}

func (x explainer) Query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	err := x.Querier.Query(ctx, "explain query plan "+text, args, func(rows *sql.Rows) error {
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			if parent != 0 {
				detail += Inside
			}
			*x.plans = append(*x.plans, detail)
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	return x.Querier.Query(ctx, text, args, read)
}
