package db

import (
	"context"
	"database/sql"
	"sync/atomic"
)

// A Tally counts the statements that are run with contexts of [Tally.Count]: for who
// wants to know what an operation costs the database. The zero Tally is ready. It is
// safe for concurrent use.
type Tally struct{ statements atomic.Int64 }

// Statements is how many statements were counted. Those of a transaction that was
// repeated count each time; its begin and its commit do not.
func (t *Tally) Statements() int64 { return t.statements.Load() }

type tallyKey struct{}

// Count returns a context whose statements the tally counts.
func (t *Tally) Count(ctx context.Context) context.Context {
	return context.WithValue(ctx, tallyKey{}, t)
}

// counted is e, or what counts for the tally of ctx and goes on to e.
func counted(ctx context.Context, e executor) executor {
	if t, ok := ctx.Value(tallyKey{}).(*Tally); ok {
		return counter{e, t}
	}
	return e
}

// countedTx is fn on a transaction that counts for the tally of ctx.
func countedTx(ctx context.Context, fn func(*Tx) error) func(*Tx) error {
	if ctx.Value(tallyKey{}) == nil {
		return fn
	}
	return func(tx *Tx) error {
		tx.executor = counted(ctx, tx.executor)
		return fn(tx)
	}
}

type counter struct {
	executor
	tally *Tally
}

func (c counter) Query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	c.tally.statements.Add(1)
	return c.executor.Query(ctx, text, args, read)
}

func (c counter) Exec(ctx context.Context, text string, args []any) (int64, error) {
	c.tally.statements.Add(1)
	return c.executor.Exec(ctx, text, args)
}
