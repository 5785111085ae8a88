package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite" // also the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

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

var sqliteDialect = dialect{
	tokens: strings.NewReplacer(
		"{{id}}", "integer primary key autoincrement",
		"{{bytes}}", "blob",
	),
	// The third is for "insert or replace", which fires no trigger for what it replaces.
	appendOnly: `create trigger TABLE_never_changed before update on TABLE
  begin select raise(abort, 'rows of TABLE are never changed or removed'); end;
create trigger TABLE_never_removed before delete on TABLE
  begin select raise(abort, 'rows of TABLE are never changed or removed'); end;
create trigger TABLE_never_replaced before insert on TABLE when exists (select 1 from TABLE where id = new.id)
  begin select raise(abort, 'rows of TABLE are never changed or removed'); end;`,
}

func openSQLite(ctx context.Context, path string, o Options) (*sqliteEngine, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return nil, actions.Errorf(actions.Invalid, "database: want sqlite:PATH")
	}
	synchronous := "full"
	if o.NoSync {
		synchronous = "off"
	}
	// Others may not read it, wherever it is; SQLite gives its other files the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// The writer comes first: it turns WAL on.
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
	conn, err := e.writer(ctx)
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
	e.stmts = &stmtCache{db: e.reads, conns: newConnections(conns)}
	return nil
}

// writer connects, and turns WAL on. For that SQLite wants the file alone and
// does not wait, so programs that start together try again.
func (e *sqliteEngine) writer(ctx context.Context) (*sql.Conn, error) {
	const tries, pause = 100, 20 * time.Millisecond
	for i := 1; ; i++ {
		conn, err := e.write.Conn(ctx)
		if busy, ok := errors.AsType[*sqlite.Error](err); !ok || busy.Code()&0xff != sqlite3.SQLITE_BUSY || i == tries {
			return conn, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// sqliteText is a statement for SQLite. A limit that is a parameter
// alone makes SQLite plan the statement anew whenever it gets a value; a sum does
// not.
func sqliteText(text string) string { return strings.ReplaceAll(text, " limit $", " limit 0 + $") }

// preparedText is sqliteText for a statement that is kept. Parameters that come in
// order, each once, lose their numbers: the driver compares the number of each with
// those of all values, as texts.
func preparedText(text string) string {
	text = sqliteText(text)
	for i, p := range parameter.FindAllString(text, -1) {
		if p != "$"+strconv.Itoa(i+1) {
			return text
		}
	}
	return parameter.ReplaceAllString(text, "?")
}

var parameter = regexp.MustCompile(`\$\d+`)

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

func (e *sqliteEngine) update(ctx context.Context, m mode, fn func(*Tx) error) (*Tx, error) {
	return e.group.do(ctx, m.relaxed, fn)
}

func (e *sqliteEngine) view(ctx context.Context, fn func(*Tx) error) error {
	leave, err := e.stmts.conns.take(ctx)
	if err != nil {
		return err
	}
	defer leave()
	tx, err := e.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	var missed []string
	err = fn(&Tx{executor: stmtTx{e.stmts, tx, &missed}})
	_ = tx.Rollback()             // it only read
	for _, text := range missed { // now that this caller holds no connection
		if _, perr := e.stmts.get(ctx, text); perr != nil {
			break
		}
	}
	return err
}

func (e *sqliteEngine) migrate(ctx context.Context, ms []migration, now time.Time) error {
	return e.group.alone(ctx, func(conn *sql.Conn) error {
		if _, err := conn.ExecContext(ctx, "begin immediate"); err != nil {
			return err
		}
		if err := migrateOn(ctx, conn, ms, sqliteDialect, now); err != nil {
			_, rollback := conn.ExecContext(context.WithoutCancel(ctx), "rollback")
			return errors.Join(err, rollback)
		}
		_, err := conn.ExecContext(ctx, "commit")
		return err
	})
}

// lookAtFile is how often the file is asked whether another program wrote to it,
// such as one for administration.
const lookAtFile = time.Second

// hear asks on the connection that writes: it sees a new version exactly when
// another one has committed.
func (e *sqliteEngine) hear(ctx context.Context, f *feed) error {
	tick := time.NewTicker(lookAtFile)
	defer tick.Stop()
	for seen := int64(0); ; {
		var version int64
		err := e.group.alone(ctx, func(conn *sql.Conn) error {
			return conn.QueryRowContext(ctx, "pragma data_version").Scan(&version)
		})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("version of the file: %w", err)
		}
		if version != seen {
			f.anything()
			seen = version
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (e *sqliteEngine) announce([]Topic) {} // there is nobody

func (e *sqliteEngine) send(Message) {}

func (e *sqliteEngine) shared() bool { return false }

func (e *sqliteEngine) rank() (rank, servers int) { return 0, 1 }

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
