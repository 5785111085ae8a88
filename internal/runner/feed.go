package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	feedQueue    = 1024 // lines that wait; more are left out
	feedRound    = 500  // lines of a round
	feedMessage  = 100  // lines of a message
	feedLine     = 1024 // bytes of a line
	feedDial     = 10 * time.Second
	feedWrite    = 10 * time.Second
	feedEnd      = time.Second     // for the last lines
	feedMaxPause = 5 * time.Second // between attempts to connect
)

// A feed shows lines while a job runs. It loses lines that come too fast or
// while the server is away: the log has them all.
type feed struct {
	lease *lease
	url   string
	gap   time.Duration
	wake  chan struct{} // size 1
	done  chan struct{}
	wg    sync.WaitGroup

	mu    sync.Mutex
	queue []feedEntry
}

// A feedEntry is one line of a step; line counts from 1.
type feedEntry struct {
	step string
	line int64
	text string
}

func newFeed(l *lease) *feed {
	return &feed{
		lease: l, url: l.msg.Connection().Data[wire.FeedStreamURL], gap: l.job.r.timing.feedGap,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

func (f *feed) start() {
	if f.url != "" {
		f.wg.Go(f.run)
	}
}

// close says that no lines come any more: what waits is sent if there is a
// connection, and that ends.
func (f *feed) close() { close(f.done) }

// wait waits for that, not for long.
func (f *feed) wait() { f.wg.Wait() }

// room is how many lines may come now.
func (f *feed) room() int {
	if f.url == "" {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return feedQueue - len(f.queue)
}

func (f *feed) add(entries []feedEntry) {
	if len(entries) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = append(f.queue, entries...)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take takes the lines of one round.
func (f *feed) take() []feedEntry {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.queue), feedRound)
	round := f.queue[:n:n]
	f.queue = slices.Clone(f.queue[n:])
	return round
}

// run waits a little before it connects: a job may be over by then.
func (f *feed) run() {
	ctx, cancel := context.WithCancel(f.lease.gone)
	defer cancel()
	go func() {
		select {
		case <-f.done:
			// A write under way may end; a connection under way need not.
			_ = sleep(ctx, feedEnd)
			cancel()
		case <-ctx.Done():
		}
	}()
	pause := backoff{limit: feedMaxPause}
	for f.tick(ctx) {
		conn, err := f.connect(ctx)
		if err == nil {
			pause.reset()
			err = f.stream(ctx, conn)
		}
		if err == nil {
			return
		}
		f.lease.job.log().DebugContext(ctx, "live lines are interrupted", "err", err)
		select {
		case <-f.done:
			return
		default:
		}
		if pause.wait(ctx) != nil {
			return
		}
	}
}

// tick waits for lines and then for the end of the round. It is false when the
// feed is closed.
func (f *feed) tick(ctx context.Context) bool {
	select {
	case <-f.wake:
	case <-f.done:
		return false
	case <-ctx.Done():
		return false
	}
	t := time.NewTimer(f.gap)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-f.done:
		return false
	}
}

func (f *feed) connect(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, feedDial)
	defer cancel()
	header := http.Header{"Authorization": {f.lease.auth}, "User-Agent": {f.lease.job.r.http.agent}}
	conn, resp, err := websocket.Dial(ctx, f.url, &websocket.DialOptions{HTTPClient: f.lease.job.r.http.http, HTTPHeader: header})
	if resp != nil && resp.Body != nil && err != nil {
		_ = resp.Body.Close() // the error has what counts of it
	}
	return conn, err
}

// stream sends rounds until the feed is closed (nil) or the connection fails.
func (f *feed) stream(ctx context.Context, conn *websocket.Conn) error {
	defer func() { _ = conn.CloseNow() }() // closed in order when all went well
	// Reads answer pings and notice the end of the connection.
	ctx = conn.CloseRead(ctx)
	for {
		if err := f.round(ctx, conn); err != nil {
			return err
		}
		if f.tick(ctx) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := f.round(ctx, conn); err != nil {
			return err
		}
		return conn.Close(websocket.StatusNormalClosure, "")
	}
}

func (f *feed) round(ctx context.Context, conn *websocket.Conn) error {
	left := f.take()
	for len(left) > 0 {
		n := 1
		for n < min(len(left), feedMessage) && left[n].step == left[0].step && left[n].line == left[n-1].line+1 {
			n++
		}
		if err := f.message(ctx, conn, left[:n]); err != nil {
			return err
		}
		left = left[n:]
	}
	return nil
}

func (f *feed) message(ctx context.Context, conn *websocket.Conn, entries []feedEntry) error {
	m := wire.FeedLines{Count: len(entries), StepID: entries[0].step, StartLine: wire.Int(entries[0].line)}
	for _, e := range entries {
		m.Value = append(m.Value, e.text)
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, feedWrite)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, b)
}

// A feedTail cuts the text of one step into lines for the feed. It keeps the
// beginning of the line that has not ended yet.
type feedTail struct {
	line int64 // lines that have ended
	part []byte
}

// offer gives the feed the lines that end in text, as many as it takes.
func (t *feedTail) offer(f *feed, step string, text []byte) {
	var entries []feedEntry
	for room := f.room(); room > 0; room-- {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			break
		}
		if entries == nil {
			entries = make([]feedEntry, 0, min(room, feedRound/10))
		}
		t.keep(text[:i])
		t.line++
		entries = append(entries, feedEntry{step, t.line, strings.ToValidUTF8(string(t.part), "\uFFFD")})
		t.part = t.part[:0]
		text = text[i+1:]
	}
	f.add(entries)
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		t.line += int64(bytes.Count(text[:i+1], []byte{'\n'}))
		t.part = t.part[:0]
		text = text[i+1:]
	}
	t.keep(text)
}

func (t *feedTail) keep(text []byte) {
	t.part = append(t.part, text[:min(len(text), feedLine-len(t.part))]...)
}
