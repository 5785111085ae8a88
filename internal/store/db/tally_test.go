package db_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/store/db"
)

func TestATallyCountsTheStatementsOfItsContextOnly(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		var tally db.Tally
		ctx := tally.Count(t.Context())
		in := func(tx *db.Tx) error {
			if err := db.ExecOne(ctx, tx, insertItem, "two", 2); err != nil {
				return err
			}
			_, err := integer(ctx, tx, `select count(*) from items`)
			return err
		}
		ask := func(tx *db.Tx) error {
			_, err := integer(ctx, tx, `select count(*) from items`)
			return err
		}
		for _, step := range []struct {
			what string
			do   func() error
			want int64
		}{
			{"a write", func() error { return db.ExecOne(ctx, s, insertItem, "one", 1) }, 1},
			{"a read", func() error { _, err := integer(ctx, s, `select count(*) from items`); return err }, 2},
			{"two in a transaction", func() error { return s.Update(ctx, in) }, 4},
			{"one in a view", func() error { return s.View(ctx, ask) }, 5},
			{"one of another", func() error { return db.ExecOne(t.Context(), s, insertItem, "three", 3) }, 5},
		} {
			if err := step.do(); err != nil || tally.Statements() != step.want {
				t.Errorf("after %s: %d, %v; want %d", step.what, tally.Statements(), err, step.want)
			}
		}
	})
}
