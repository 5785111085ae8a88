package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A group commits the writes of many callers together: the flush to disk is
// what a small transaction costs, and callers who wait at the same time can share
// one. Its goroutine owns the writer connection and lends it to one caller
// after the other; each runs its own function in its own goroutine, inside of a
// savepoint (see [savepoint]), so that a failure or a panic undoes only its own work.
//
// A caller's context ends its wait in the line and nothing after that. So a
// caller who got an error of its context knows that its function has not run.
//
// A batch is durable or relaxed. A durable one ends with one flush, which covers
// all that was written before, and relaxed callers may ride along. A relaxed one
// has only relaxed callers and no flush; a durable caller starts the next. Where
// durable batches have no room for relaxed callers, because each is long, the two
// take turns.
type group struct {
	log *slog.Logger
	now func() time.Time

	durable, relaxed chan *write
	exclusive        chan func(*sql.Conn)
	closing          chan struct{} // closed by close
	stopped          chan struct{} // closed when the goroutine has ended

	w *writer // of whoever holds the connection
}

// A batch ends when nobody waits, when it has maxBatch callers, or after
// maxBatchTime, so that the first caller's answer is not delayed without end.
const (
	maxBatch     = 256
	maxBatchTime = 20 * time.Millisecond

	maxTries = 3 // of a caller whose batch was lost through others
)

// A write is one caller in the line.
type write struct {
	first  bool          // of its batch
	turn   chan struct{} // the connection is yours
	ran    chan error    // the caller is done with it; an error ends the whole batch
	result chan error    // of the commit
}

// errBatchLost tells a caller that the transaction was undone by the failure of
// another caller's statement: its own function may be run again.
var errBatchLost = errors.New("the shared transaction was undone")

func newGroup(conn *sql.Conn, o Options) *group {
	g := &group{
		log:       o.Log,
		now:       o.Now,
		durable:   make(chan *write),
		relaxed:   make(chan *write),
		exclusive: make(chan func(*sql.Conn)),
		closing:   make(chan struct{}),
		stopped:   make(chan struct{}),
		w:         &writer{conn: conn, noSync: o.NoSync, stmts: make(map[string]*sql.Stmt)},
	}
	go g.run()
	return g
}

// close lets the callers who wait finish, and ends the goroutine.
func (g *group) close() error {
	close(g.closing)
	<-g.stopped
	return g.w.close()
}

// alone lends the bare connection, outside of any transaction.
func (g *group) alone(ctx context.Context, fn func(*sql.Conn) error) error {
	done := make(chan error, 1)
	select {
	case g.exclusive <- func(c *sql.Conn) { done <- fn(c) }:
		return <-done
	case <-g.stopped:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// do is the caller's side of an update.
func (g *group) do(ctx context.Context, relaxed bool, fn func(*Tx) error) (*Tx, error) {
	line := g.durable
	if relaxed {
		line = g.relaxed
	}
	var lost error
	for range maxTries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w := &write{turn: make(chan struct{}), ran: make(chan error, 1), result: make(chan error, 1)}
		select {
		case line <- w:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-g.stopped:
			return nil, errClosed
		}
		tx, err := g.take(w, fn)
		if !errors.Is(err, errBatchLost) {
			return tx, err
		}
		lost = err
	}
	return nil, kinded(actions.Unavailable, "the database could not finish a transaction", lost)
}

// take waits for the turn of w, runs fn, hands the connection on, and waits for
// the commit.
func (g *group) take(w *write, fn func(*Tx) error) (*Tx, error) {
	select {
	case <-w.turn:
	case err := <-w.result: // the transaction did not even start
		return nil, err
	}
	sp := &savepoint{writer: g.w, first: w.first}
	tx := &Tx{executor: sp}
	if err := runOne(w, sp, tx, fn); err != nil {
		return nil, err
	}
	if err := <-w.result; err != nil {
		return nil, err
	}
	return tx, nil
}

// runOne runs fn in a savepoint. The connection is handed on whatever fn does: a
// panic goes on in the caller's goroutine, where it belongs.
func runOne(w *write, sp *savepoint, tx *Tx, fn func(*Tx) error) (err error) {
	if err := sp.begin(); err != nil {
		w.ran <- err
		return fmt.Errorf("%w: %w", errBatchLost, err)
	}
	returned := false
	defer func() {
		if !returned || err != nil {
			w.ran <- sp.rollback()
			return
		}
		err = sp.release()
		w.ran <- err
	}()
	err = fn(tx)
	returned = true
	if err == nil {
		err = sp.failed // fn went on after a failed statement
	}
	return err
}

// run is the writer's side: one batch after the other until close.
func (g *group) run() {
	defer close(g.stopped)
	full := false // the batch before was durable, and had no room for all who waited
	for {
		// Durable callers first: relaxed ones can share their batch, if it has room.
		relaxed, first := full, g.durable
		if relaxed {
			first = g.relaxed
		}
		full = false
		select {
		case w := <-first:
			full = g.batch(w, relaxed) && !relaxed
			continue
		default:
		}
		select {
		case w := <-g.durable:
			full = g.batch(w, false)
		case w := <-g.relaxed:
			g.batch(w, true)
		case fn := <-g.exclusive:
			fn(g.w.conn)
		case <-g.closing:
			g.drain()
			return
		}
	}
}

// drain serves those who are in the line already.
func (g *group) drain() {
	for {
		select {
		case w := <-g.durable:
			g.batch(w, false)
		case w := <-g.relaxed:
			g.batch(w, true)
		default:
			return
		}
	}
}

// batch runs w, and whoever else waits, in one transaction. It is full when it ended
// although others may wait.
func (g *group) batch(w *write, relaxed bool) (full bool) {
	start := g.now()
	err := g.w.begin(relaxed)
	w.first = true
	var all []*write
	for w != nil {
		all = append(all, w)
		if err == nil {
			close(w.turn)
			err = <-w.ran
		}
		w = nil
		full = len(all) >= maxBatch || g.now().Sub(start) >= maxBatchTime
		if err == nil && !full {
			w = g.next(relaxed)
		}
	}
	if err == nil {
		err = g.w.commit()
		g.log.Debug("transaction committed", "callers", len(all), "relaxed", relaxed)
	} else {
		g.w.rollback()
		err = fmt.Errorf("%w: %w", errBatchLost, err)
	}
	if err != nil {
		g.log.Error("transaction lost", "callers", len(all), "err", translate(err), "cause", err)
	}
	for _, w := range all {
		w.result <- err
	}
	return full
}

// next returns the next caller in the line, nil when nobody waits.
func (g *group) next(relaxed bool) *write {
	if relaxed {
		select {
		case w := <-g.relaxed:
			return w
		default:
			return nil
		}
	}
	select {
	case w := <-g.durable:
		return w
	case w := <-g.relaxed:
		return w
	default:
		return nil
	}
}
