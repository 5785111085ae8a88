package db

import (
	"context"
	"database/sql"
	"errors"
)

// writer is the connection of SQLite that writes, and its prepared statements.
// One goroutine uses it at a time: see group. Nothing here is interrupted, for
// an interrupted write undoes the whole transaction: hence context.Background.
type writer struct {
	conn    *sql.Conn
	noSync  bool
	relaxed bool // pragma synchronous is normal now, and not full
	stmts   map[string]*sql.Stmt
}

// begin is the statement that starts a transaction.
const begin = "begin immediate"

// begin starts a transaction. In WAL mode a commit flushes the log to disk with
// synchronous=full and leaves that to a later one with synchronous=normal.
func (w *writer) begin(relaxed bool) error {
	if relaxed != w.relaxed && !w.noSync {
		text := "pragma synchronous = full"
		if relaxed {
			text = "pragma synchronous = normal"
		}
		if _, err := w.conn.ExecContext(context.Background(), text); err != nil {
			return err
		}
		w.relaxed = relaxed
	}
	return w.run(begin)
}

func (w *writer) commit() error {
	err := w.run("commit")
	if err != nil {
		w.rollback()
	}
	return err
}

// rollback ends the transaction, if there is still one: SQLite has undone it
// already after the worst errors.
func (w *writer) rollback() { _ = w.run("rollback") }

func (w *writer) run(text string) error {
	_, err := w.exec(text, nil)
	return err
}

func (w *writer) stmt(text string) (statement, error) {
	if s := w.stmts[text]; s != nil {
		return s, nil
	}
	if len(w.stmts) >= maxStmts {
		return unprepared{w.conn, sqliteText(text)}, nil
	}
	s, err := w.conn.PrepareContext(context.Background(), preparedText(text))
	if err != nil {
		return nil, err
	}
	w.stmts[text] = s
	return s, nil
}

func (w *writer) exec(text string, args []any) (int64, error) {
	s, err := w.stmt(text)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (w *writer) query(text string, args []any, read func(*sql.Rows) error) error {
	s, err := w.stmt(text)
	if err != nil {
		return err
	}
	return queryWith(context.Background(), s, args, read)
}

func (w *writer) close() error {
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

// savepoint is what one caller runs statements on in a shared transaction. As on
// PostgreSQL, nothing works any more after a statement has failed. The first
// caller has no savepoint: what it undoes is all that there is.
type savepoint struct {
	writer *writer
	first  bool
	failed error
}

var errTxEnded = errors.New("the transaction has ended")

func (s *savepoint) begin() error {
	if s.first {
		return nil
	}
	return s.writer.run("savepoint caller")
}

func (s *savepoint) release() error {
	s.failed = errTxEnded
	if s.first {
		return nil
	}
	return s.writer.run("release caller")
}

// rollback undoes what the caller did. The transaction goes on.
func (s *savepoint) rollback() error {
	s.failed = errTxEnded
	undo, goOn := "rollback to caller", "release caller"
	if s.first {
		undo, goOn = "rollback", begin
	}
	if err := s.writer.run(undo); err != nil {
		return err
	}
	return s.writer.run(goOn)
}

func (s *savepoint) Query(_ context.Context, text string, args []any, read func(*sql.Rows) error) error {
	if s.failed != nil {
		return s.failed
	}
	err := s.writer.query(text, args, read)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		s.failed = err
	}
	return err
}

func (s *savepoint) Exec(_ context.Context, text string, args []any) (int64, error) {
	if s.failed != nil {
		return 0, s.failed
	}
	n, err := s.writer.exec(text, args)
	if err != nil {
		s.failed = err
	}
	return n, err
}
