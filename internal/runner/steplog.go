package runner

import (
	"bytes"
	"sync"

	"github.com/understudy-ci/understudy/internal/wire"
)

const pieceSize = 4 << 20

// A stepLog is the log of one step: text comes in; pieces of whole lines with
// time stamps go out, one after the other. Only a line that is longer than a
// piece is divided.
type stepLog struct {
	sink *sink
	id   string

	// write is held by who writes. It is held while the spool makes the writer
	// wait, and no uploader needs it.
	write  sync.Mutex
	buf    []byte // the piece being filled
	inLine bool   // buf ends in the middle of a line
	stamp  []byte
	tail   feedTail
	closed bool

	mu      sync.Mutex
	lines   int64
	waiting []queued
	sending bool

	// Of the upload under way; there is one at most.
	begun bool // the first of several pieces is there
	lost  error
}

// A queued piece waits for its upload.
type queued struct {
	*piece
	last bool
}

func newStepLog(s *sink, id string) *stepLog { return &stepLog{sink: s, id: id} }

// append appends text. Its lines get one time, for they came together.
func (l *stepLog) append(text []byte) {
	l.write.Lock()
	defer l.write.Unlock()
	if l.closed {
		return
	}
	begun := int64(0)
	l.tail.offer(l.sink.feed, l.id, text)
	l.stamp = wire.AppendLogTime(l.stamp[:0], l.sink.lease.job.r.cfg.Now())
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line = text[:i+1]
		}
		text = text[len(line):]
		if !l.inLine {
			if n := len(l.stamp) + len(line); len(l.buf) > 0 && len(l.buf)+n > pieceSize {
				l.cut()
			}
			l.buf = append(l.buf, l.stamp...)
			begun++
		}
		l.inLine = line[len(line)-1] != '\n'
		for len(l.buf)+len(line) > pieceSize {
			n := pieceSize - len(l.buf)
			l.buf = append(l.buf, line[:n]...)
			line = line[n:]
			l.cut()
		}
		l.buf = append(l.buf, line...)
	}
	l.mu.Lock()
	l.lines += begun
	l.mu.Unlock()
}

// cut sends what is in buf. More follows.
func (l *stepLog) cut() {
	p := l.sink.spool.store(l.buf)
	l.buf = l.sink.spool.buffer()
	l.send(queued{piece: p})
}

// end completes the log. What comes after it is lost.
func (l *stepLog) end() {
	l.write.Lock()
	defer l.write.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	if l.inLine {
		l.buf = append(l.buf, '\n')
	}
	p := l.sink.spool.store(l.buf)
	l.buf = nil
	l.send(queued{piece: p, last: true})
}

func (l *stepLog) send(p queued) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, p)
	if !l.sending {
		l.sending = true
		l.sink.wg.Go(l.upload)
	}
}

func (l *stepLog) next() (p queued, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.sending = false
		return queued{}, false
	}
	p = l.waiting[0]
	l.waiting = l.waiting[1:]
	return p, true
}

// upload sends all that waits. A log that cannot be delivered is given up with
// one message.
func (l *stepLog) upload() {
	for {
		p, ok := l.next()
		if !ok {
			return
		}
		if l.lost == nil {
			l.sink.turns <- struct{}{}
			l.lost = l.deliver(p)
			<-l.sink.turns
			if l.lost != nil {
				l.sink.log.Error("log of a step was not delivered", "step", l.id, "err", l.lost)
			}
		}
		l.sink.spool.release(p.piece)
	}
}

func (l *stepLog) deliver(p queued) error {
	h := middle
	switch {
	case p.last && !l.begun:
		h = whole
	case p.last:
		h = final
	case !l.begun:
		h = first
	}
	ids := l.sink.lease.ids
	err := l.sink.put(p.piece, h, func() (string, error) {
		var resp wire.LogsURLResponse
		err := l.sink.call(wire.GetStepLogsURL, wire.BlobURLRequest{ResultsIDs: ids, StepID: l.id}, &resp)
		return resp.LogsURL, err
	})
	l.begun = true
	if err != nil || !p.last {
		return err
	}
	l.mu.Lock()
	count := l.lines
	l.mu.Unlock()
	return l.sink.confirm(wire.CreateStepLogs, wire.LogsMetadata{
		ResultsIDs: ids, StepID: l.id, UploadedAt: wire.At(l.sink.lease.job.r.cfg.Now()), LineCount: wire.Int(count),
	})
}
