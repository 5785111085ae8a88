package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/understudy-ci/understudy/internal/actions"
)

// sqliteEngine is one file in WAL mode: a pool of connections that cannot
// write, and the group, which owns the connection that does.
type sqliteEngine struct {
	reads *sql.DB
	write *sql.DB
	stmts *stmtCache
	group *group
}

var sqliteTokens = strings.NewReplacer(
	"{{id}}", "integer primary key autoincrement",
	"{{bytes}}", "blob",
)

func openSQLite(ctx context.Context, path string, o Options) (*sqliteEngine, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return nil, actions.Errorf(actions.Invalid, "database: want sqlite:PATH")
	}
	synchronous := "full"
	if o.NoSync {
		synchronous = "off"
	}
	// The writer comes first: it creates the file and turns WAL on.
	write, err := sql.Open("sqlite", sqliteDSN(path,
		"journal_mode(wal)", "synchronous("+synchronous+")", "cache_size(-8000)", "journal_size_limit(67108864)"))
	if err != nil {
		return nil, err
	}
	e := &sqliteEngine{write: write}
	if err := e.open(ctx, path, o); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", path, err), e.close())
	}
	return e, nil
}

func (e *sqliteEngine) open(ctx context.Context, path string, o Options) error {
	conn, err := e.write.Conn(ctx)
	if err != nil {
		return err
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "pragma journal_mode").Scan(&mode); err != nil {
		return errors.Join(err, conn.Close())
	}
	if mode != "wal" { // some network file systems
		return errors.Join(fmt.Errorf("the file system allows journal mode %s only, not wal", mode), conn.Close())
	}
	e.group = newGroup(conn, o)

	e.reads, err = sql.Open("sqlite", sqliteDSN(path, "query_only(true)"))
	if err != nil {
		return err
	}
	conns := o.MaxConns
	if conns == 0 {
		conns = 2 + 2*runtime.GOMAXPROCS(0)
	}
	e.reads.SetMaxOpenConns(conns)
	e.reads.SetMaxIdleConns(conns)
	e.stmts = &stmtCache{db: e.reads}
	return nil
}

func sqliteDSN(path string, pragmas ...string) string {
	v := url.Values{"_pragma": append([]string{
		"busy_timeout(10000)", // another program may look into the file: a backup, the sqlite3 shell
		"foreign_keys(true)",
		"temp_store(memory)",
	}, pragmas...)}
	// A file: URL, so that no character of the path can become a parameter.
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}

func (e *sqliteEngine) reader() executor { return e.stmts }

func (e *sqliteEngine) update(ctx context.Context, relaxed bool, fn func(*Tx) error) ([]func(), error) {
	return e.group.do(ctx, relaxed, fn)
}

func (e *sqliteEngine) view(ctx context.Context, fn func(*Tx) error) error {
	tx, err := e.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	return fn(&Tx{queries: queries{stmtTx{e.stmts, tx}}})
}

func (e *sqliteEngine) migrate(ctx context.Context, ms []migration, now time.Time) error {
	return e.group.alone(ctx, func(conn *sql.Conn) error {
		if _, err := conn.ExecContext(ctx, "begin immediate"); err != nil {
			return err
		}
		if err := migrateOn(ctx, conn, ms, sqliteTokens, now); err != nil {
			_, rollback := conn.ExecContext(context.WithoutCancel(ctx), "rollback")
			return errors.Join(err, rollback)
		}
		_, err := conn.ExecContext(ctx, "commit")
		return err
	})
}

func (e *sqliteEngine) exclusive() bool { return true }

func (e *sqliteEngine) ping(ctx context.Context) error {
	return e.stmts.query(ctx, "select 1", nil, func(*sql.Rows) error { return nil })
}

func (e *sqliteEngine) close() error {
	var errs []error
	if e.reads != nil {
		errs = append(errs, e.stmts.close(), e.reads.Close())
	}
	if e.group != nil {
		errs = append(errs, e.group.close())
	}
	return errors.Join(append(errs, e.write.Close())...) // the last one folds the WAL into the file
}

// maxStmts bounds a cache of prepared statements. The program has a few hundred
// texts; what comes beyond the bound is prepared each time.
const maxStmts = 1000

// stmtCache keeps prepared statements by their text. [database/sql] prepares
// each of them once on every connection that it meets.
type stmtCache struct {
	db *sql.DB

	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

// get returns nil when the cache is full.
func (c *stmtCache) get(ctx context.Context, text string) (*sql.Stmt, error) {
	c.mu.RLock()
	s, n := c.stmts[text], len(c.stmts)
	c.mu.RUnlock()
	if s != nil || n >= maxStmts {
		return s, nil
	}
	s, err := c.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.stmts[text]; other != nil {
		return other, s.Close()
	}
	if c.stmts == nil {
		c.stmts = make(map[string]*sql.Stmt)
	}
	c.stmts[text] = s
	return s, nil
}

func (c *stmtCache) query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	s, err := c.get(ctx, text)
	if err != nil {
		return err
	}
	var rows *sql.Rows
	if s != nil {
		rows, err = s.QueryContext(ctx, args...)
	} else {
		rows, err = c.db.QueryContext(ctx, text, args...)
	}
	if err != nil {
		return err
	}
	return readAll(rows, read)
}

func (c *stmtCache) exec(context.Context, string, []any) (int64, error) {
	return 0, errReadOnly
}

var errReadOnly = errors.New("a write where only reads are allowed")

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

// stmtTx runs the cache's statements in a transaction of the read pool.
type stmtTx struct {
	*stmtCache
	tx *sql.Tx
}

func (t stmtTx) query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	s, err := t.get(ctx, text)
	if err != nil {
		return err
	}
	var rows *sql.Rows
	if s != nil {
		rows, err = t.tx.StmtContext(ctx, s).QueryContext(ctx, args...)
	} else {
		rows, err = t.tx.QueryContext(ctx, text, args...)
	}
	if err != nil {
		return err
	}
	return readAll(rows, read)
}
