package db

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// How servers on one PostgreSQL hear of each other. A notice is a NOTIFY of its
// own after the commit, not inside: those of PostgreSQL make commits wait for each
// other. So one can be lost, with the process or a connection; see [DB.Listen].
const (
	channel        = "understudy"          // what has changed
	messageChannel = "understudy_messages" // a payload is one message: see DB.Send

	maxPayload = 7900  // bytes; PostgreSQL takes less than 8000
	maxOutbox  = 10000 // topics; with more, anything may have changed

	gather      = 5 * time.Millisecond // between two notices; what comes meanwhile goes together
	connectTime = 10 * time.Second     // to connect and listen
	quiet       = 10 * time.Second     // without a notice, until the connection is tried
	answerTime  = 5 * time.Second      // to answer that, and to take a notice

	anyTopic = "*" // in a payload: anything may have changed
)

// A link is one server's end of the channel.
type link struct {
	config *pgx.ConnConfig
	log    *slog.Logger
	id     string // of this server: it skips what it has sent itself
	out    outbox
	peers  peers
}

func newLink(config *pgx.ConnConfig, log *slog.Logger, now func() time.Time) *link {
	config = config.Copy()
	config.RuntimeParams["synchronous_commit"] = "off" // a notice need not survive the database
	return &link{
		config: config, log: log, id: rand.Text(), out: outbox{wake: make(chan struct{}, 1)},
		peers: peers{now: now, heard: make(map[string]time.Time)},
	}
}

// connect opens a connection beside the pool, whose statements can keep all of
// that busy.
func (l *link) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	return pgx.ConnectConfig(ctx, l.config)
}

// again calls work until ctx ends, each time after a pause that grows until work
// calls its argument. It says what failed.
func (l *link) again(ctx context.Context, what string, work func(ctx context.Context, well func()) error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 50*time.Millisecond, 5*time.Second
	for {
		err := work(ctx, pause.Reset)
		if ctx.Err() != nil {
			return
		}
		l.log.WarnContext(ctx, "the feed failed; trying again", "at", what, "err", translate(err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause.NextBackOff()):
		}
	}
}

// listen passes notices of other servers to the feed until the connection fails.
func (l *link) listen(ctx context.Context, f *feed, well func()) error {
	defer f.deaf.Store(true)
	conn, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	for _, c := range []string{channel, messageChannel} {
		if _, err := conn.Exec(ctx, "listen "+c); err != nil {
			return err
		}
	}
	f.anything() // may have changed before
	f.deaf.Store(false)
	well()
	for {
		n, err := waitFor(ctx, conn)
		if err != nil {
			return err
		}
		if n != nil {
			l.receive(f, n)
			continue
		}
		if err := ping(ctx, conn); err != nil {
			return err
		}
	}
}

// waitFor returns the next notification, nil if it stays quiet.
func waitFor(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	wait, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	n, err := conn.WaitForNotification(wait)
	if err != nil && ctx.Err() == nil && wait.Err() != nil && !conn.IsClosed() {
		return nil, nil
	}
	return n, err
}

// ping finds out whether a connection on which nothing comes is still one.
func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return conn.Ping(ctx)
}

// receive passes on to the feed what another server says.
func (l *link) receive(f *feed, n *pgconn.Notification) {
	from, list, _ := strings.Cut(n.Payload, " ")
	if from == l.id {
		return
	}
	l.peers.hear(from)
	if n.Channel == messageChannel {
		word, text, _ := strings.Cut(list, " ")
		if t, ok := parseWord(word); ok {
			f.deliver(Message{t, text})
		}
		return
	}
	var topics []Topic
	for word := range strings.SplitSeq(list, " ") {
		if word == anyTopic {
			f.anything()
			return
		}
		if t, ok := parseWord(word); ok {
			topics = append(topics, t)
		}
	}
	f.publish(topics...)
}

// send sends what comes into the outbox until the connection fails.
func (l *link) send(ctx context.Context, well func()) error {
	conn, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	for {
		if err := l.flush(ctx, conn); err != nil {
			return err
		}
		well()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(gather):
		}
		select {
		case <-ctx.Done(): // what is left goes out when the database is closed
			return nil
		case <-l.out.wake:
		}
	}
}

// flush sends all that is in the outbox. What it cannot send is lost, and that
// anything may have changed is left to be sent.
func (l *link) flush(ctx context.Context, conn *pgx.Conn) error {
	for _, n := range l.out.take(l.id) {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, answerTime)
			defer cancel()
			_, err := conn.Exec(ctx, "select pg_notify($1, $2)", n.channel, n.payload)
			return err
		}()
		if err != nil {
			l.out.mu.Lock()
			l.out.topics, l.out.all = nil, true
			l.out.mu.Unlock()
			return err
		}
	}
	return nil
}

// close sends what is left, as after the write of a program that ends with it.
func (l *link) close() {
	l.out.mu.Lock()
	empty := len(l.out.topics) == 0 && !l.out.all // messages have had their time
	l.out.mu.Unlock()
	if empty {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	conn, err := l.connect(ctx)
	if err == nil {
		err = errors.Join(l.flush(ctx, conn), conn.Close(ctx))
	}
	if err != nil {
		l.log.WarnContext(ctx, "other servers not told", "err", err)
	}
}

// closeConn says goodbye, though the work may have been ended by ctx.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it may be broken already
}
