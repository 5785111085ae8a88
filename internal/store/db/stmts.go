package db

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// maxStmts bounds a cache of prepared statements. The program has a few hundred
// texts; what comes beyond the bound is prepared each time.
const maxStmts = 1000

// A statement is a text that waits for its arguments: a *sql.Stmt, or [unprepared].
type statement interface {
	QueryContext(ctx context.Context, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
}

type unprepared struct {
	db interface {
		QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
		ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
	}
	text string
}

func (u unprepared) QueryContext(ctx context.Context, args ...any) (*sql.Rows, error) {
	return u.db.QueryContext(ctx, u.text, args...)
}

func (u unprepared) ExecContext(ctx context.Context, args ...any) (sql.Result, error) {
	return u.db.ExecContext(ctx, u.text, args...)
}

// stmtCache runs reads on a pool, with statements that it keeps by their text.
// [database/sql] prepares each of them once on every connection that it meets.
type stmtCache struct {
	db    *sql.DB
	conns connections

	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

func (c *stmtCache) get(ctx context.Context, text string) (statement, error) {
	c.mu.RLock()
	s, n := c.stmts[text], len(c.stmts)
	c.mu.RUnlock()
	switch {
	case s != nil:
		return s, nil
	case n >= maxStmts:
		return unprepared{c.db, sqliteText(text)}, nil
	}
	s, err := c.db.PrepareContext(ctx, preparedText(text))
	if err != nil {
		return nil, err
	}
	return c.keep(text, s), nil
}

// keep stores s, unless another caller has prepared the same text meanwhile.
func (c *stmtCache) keep(text string, s *sql.Stmt) *sql.Stmt {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.stmts[text]; other != nil {
		defer s.Close()
		return other
	}
	if c.stmts == nil {
		c.stmts = make(map[string]*sql.Stmt)
	}
	c.stmts[text] = s
	return s
}

func (c *stmtCache) Query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	leave, err := c.conns.take(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s, err := c.get(ctx, text)
	if err != nil {
		return err
	}
	return queryWith(ctx, s, args, read)
}

func queryWith(ctx context.Context, s statement, args []any, read func(*sql.Rows) error) error {
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return readAll(rows, read)
}

var errReadOnly = errors.New("a write where only reads are allowed")

func (c *stmtCache) Exec(context.Context, string, []any) (int64, error) {
	return 0, errReadOnly
}

func (c *stmtCache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	c.stmts = nil
	return errors.Join(errs...)
}

// stmtTx runs the cache's statements in a transaction of its pool.
type stmtTx struct {
	*stmtCache
	tx     *sql.Tx
	missed *[]string
}

func (t stmtTx) Query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	t.mu.RLock()
	p := t.stmts[text]
	t.mu.RUnlock()
	if p == nil {
		*t.missed = append(*t.missed, text)
		return queryWith(ctx, unprepared{t.tx, sqliteText(text)}, args, read)
	}
	return queryWith(ctx, t.tx.StmtContext(ctx, p), args, read)
}
