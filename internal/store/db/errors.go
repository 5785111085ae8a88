package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/understudy-ci/understudy/internal/actions"
)

// errClosed answers work that comes after Close.
var errClosed = actions.Errorf(actions.Unavailable, "the database is closed")

// A dbError says in plain words what a driver's error means to the caller; the
// driver's own text, which may name tables, stays in the chain for the log.
type dbError struct {
	text  string
	cause error
}

func (e *dbError) Error() string { return e.text }
func (e *dbError) Unwrap() error { return e.cause }

func kinded(k actions.Kind, text string, cause error) error {
	return actions.Errorf(k, "%w", &dbError{text, cause})
}

// translate gives an error of a driver the kind it has for callers. Errors that
// have a kind already, and those that are ours to fix, pass unchanged.
func translate(err error) error {
	if err == nil || actions.KindOf(err) != actions.Internal {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return kinded(actions.NotFound, "not found", err)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return translateSQLite(e, err)
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return translatePostgres(e, err)
	}
	if cutOff(err) {
		return kinded(actions.Unavailable, textAway, err)
	}
	return err
}

// cutOff says whether err means that there is no connection to the database, or
// none any more: what is lost in the middle of a statement or a transaction shows
// in many ways.
func cutOff(err error) bool {
	_, refused := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	if refused || network {
		return true
	}
	for _, lost := range []error{
		driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed, sql.ErrConnDone, sql.ErrTxDone, syscall.EPIPE, syscall.ECONNRESET,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return strings.HasSuffix(err.Error(), "sql: database is closed") // has no name
}

const (
	textAway    = "the database cannot be reached"
	textDisk    = "the database cannot use its disk"
	textExists  = "already exists"
	textRefers  = "refers to what does not exist, or is still referred to"
	textNoSpace = "the database has no space left"
	textBusy    = "the database is busy"
	textBytes   = "a text has a zero character, or is not UTF-8"
)

func translateSQLite(e *sqlite.Error, err error) error {
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return kinded(actions.Conflict, textExists, err)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return kinded(actions.Conflict, textRefers, err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return kinded(actions.Unavailable, textNoSpace, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return kinded(actions.Unavailable, textDisk, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return kinded(actions.Unavailable, textBusy, err)
	}
	return err
}

func translatePostgres(e *pgconn.PgError, err error) error {
	switch {
	case e.Code == "23505":
		return kinded(actions.Conflict, textExists, err)
	case e.Code == "23503":
		return kinded(actions.Conflict, textRefers, err)
	case e.Code == "22021":
		return kinded(actions.Invalid, textBytes, err)
	case e.Code == "53100":
		return kinded(actions.Unavailable, textNoSpace, err)
	case retryable(err), e.Code == "55P03", strings.HasPrefix(e.Code, "53"): // lock timeout, out of resources
		return kinded(actions.Unavailable, textBusy, err)
	case strings.HasPrefix(e.Code, "57P"), strings.HasPrefix(e.Code, "08"): // shutting down, connection lost
		return kinded(actions.Unavailable, textAway, err)
	case strings.HasPrefix(e.Code, "58"): // an error of its system, such as of a disk
		return kinded(actions.Unavailable, textDisk, err)
	case e.Code == "25P03", e.Code == "25006": // idle for too long, as a frozen server is; only reads, as a standby does
		return kinded(actions.Unavailable, textAway, err)
	}
	return err
}
