package db

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// How servers on one PostgreSQL hear of each other. A notice is a NOTIFY of its
// own after the commit, not inside: those of PostgreSQL make commits wait for each
// other. So one can be lost, with the process or a connection; see [DB.Listen].
const (
	channel = "understudy"

	maxPayload = 7900  // bytes; PostgreSQL takes less than 8000
	maxOutbox  = 10000 // topics; with more, anything may have changed

	gather      = 5 * time.Millisecond // between two notices; what comes meanwhile goes together
	connectTime = 10 * time.Second     // to connect and listen
	quiet       = 10 * time.Second     // without a notice, until the connection is tried
	answerTime  = 5 * time.Second      // to answer that, and to take a notice

	anyTopic = "*" // in a payload: anything may have changed
)

// An outbox collects topics until the sender takes them.
type outbox struct {
	wake chan struct{} // of size 1

	mu     sync.Mutex
	topics map[Topic]struct{}
	all    bool
}

func (o *outbox) put(topics ...Topic) {
	o.mu.Lock()
	if len(o.topics)+len(topics) > maxOutbox {
		o.topics, o.all = nil, true
	}
	if !o.all {
		if o.topics == nil {
			o.topics = make(map[Topic]struct{})
		}
		for _, t := range topics {
			o.topics[t] = struct{}{}
		}
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take empties the outbox into payloads.
func (o *outbox) take(from string) (payloads []string) {
	o.mu.Lock()
	topics, all := o.topics, o.all
	o.topics, o.all = nil, false
	o.mu.Unlock()
	if all {
		return []string{from + " " + anyTopic}
	}
	var b strings.Builder
	for t := range topics {
		word := " " + strconv.Itoa(int(t.Kind)) + ":" + strconv.FormatInt(t.ID, 36)
		if b.Len()+len(word) > maxPayload {
			payloads = append(payloads, b.String())
			b.Reset()
		}
		if b.Len() == 0 {
			b.WriteString(from)
		}
		b.WriteString(word)
	}
	if b.Len() > 0 {
		payloads = append(payloads, b.String())
	}
	return payloads
}

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
	if _, err := conn.Exec(ctx, "listen "+channel); err != nil {
		return err
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
			l.receive(f, n.Payload)
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

// receive publishes what another server's payload says.
func (l *link) receive(f *feed, payload string) {
	from, list, _ := strings.Cut(payload, " ")
	if from == l.id {
		return
	}
	l.peers.hear(from)
	var topics []Topic
	for word := range strings.SplitSeq(list, " ") {
		if word == anyTopic {
			f.anything()
			return
		}
		kind, id, _ := strings.Cut(word, ":")
		k, err1 := strconv.ParseUint(kind, 10, 8)
		n, err2 := strconv.ParseInt(id, 36, 64)
		if err1 == nil && err2 == nil && k < maxKinds && n >= 0 {
			topics = append(topics, Topic{Kind(k), n})
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
	for _, p := range l.out.take(l.id) {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, answerTime)
			defer cancel()
			_, err := conn.Exec(ctx, "select pg_notify($1, $2)", channel, p)
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
	empty := len(l.out.topics) == 0 && !l.out.all
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
