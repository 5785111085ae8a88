package logs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A divider says of which step each line of a job's log is: of the one that had begun by
// the time that the line bears. Steps come in the order of their numbers. A line
// without a time follows the one before.
//
// Runners say of steps' times less than of lines'. Within what may lie between the two,
// a step whose own log is there has as many lines as that has, and begins with it.
type divider struct {
	turns []turn
	at    int // the turn of the line before; -1 before the first

	pieces map[string][]span
}

// A turn is the time of one step.
type turn struct {
	step   string
	begins time.Time
	surely time.Time // begins may be early, but not by more
	own    int64     // lines of its own log; 0 without one
	lines  int64     // so far
}

// divide finds the lines of each step in the log of the job (LOG-6), those before the first
// under Preamble. It reads that once, and holds no text.
func (l *Logs) divide(ctx context.Context, whole []*store.LogPart, steps []*actions.Step, sent map[string][]*store.LogPart) (map[string][]span, error) {
	d := &divider{at: -1, pieces: map[string][]span{}}
	for _, s := range steps {
		if !s.StartedAt.IsZero() && s.Conclusion != actions.Skipped {
			d.turns = append(d.turns, turn{
				step: s.GUID, begins: s.StartedAt, surely: s.StartedAt.Add(precision(s.StartedAt)), own: linesOf(spansOf(sent[s.GUID])),
			})
		}
	}
	for i := range d.turns {
		t := &d.turns[i]
		if t.own == 0 || !d.missing(i-1) && !d.missing(i+1) {
			continue
		}
		first, err := l.firstTime(ctx, sent[t.step])
		if err != nil {
			return nil, err
		}
		if first.After(t.begins) && first.Before(t.surely) {
			t.begins = first
		}
	}
	in, begins := bufio.NewReaderSize(nil, 64<<10), true
	for _, p := range whole {
		var err error
		if begins, err = l.dividePart(ctx, d, p, in, begins); err != nil {
			return nil, err
		}
	}
	if !begins {
		d.endLine()
	}
	return d.pieces, nil
}

// missing says whether there is a turn i, of a step without a log.
func (d *divider) missing(i int) bool { return 0 <= i && i < len(d.turns) && d.turns[i].own == 0 }

// precision is how much a time of a step may be rounded.
func precision(t time.Time) time.Duration {
	switch n := t.Nanosecond(); {
	case n == 0:
		return time.Second
	case n%int(time.Millisecond) == 0:
		return time.Millisecond
	}
	return time.Microsecond
}

// dividePart adds the lines of a part. begins says whether it begins with a line of its
// own; so does what is returned of the next.
func (l *Logs) dividePart(ctx context.Context, d *divider, p *store.LogPart, in *bufio.Reader, begins bool) (next bool, err error) {
	o, err := l.blobs.Open(ctx, p.Blob)
	if err != nil {
		if actions.KindOf(err) == actions.NotFound {
			return begins, nil // its bytes are lost: who reads them is told
		}
		return false, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	in.Reset(o)
	for at := int64(0); ; {
		text, err := in.ReadSlice('\n')
		if len(text) > 0 {
			if begins {
				d.begin(text)
			}
			begins = text[len(text)-1] == '\n'
			d.take(p, at, int64(len(text)), begins)
			at += int64(len(text))
		}
		switch {
		case err == nil, errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return begins, nil
		default:
			return false, err
		}
	}
}

// begin finds the step of a line.
func (d *divider) begin(line []byte) {
	when, ok := wire.TimeOfLog(line)
	if !ok {
		return
	}
	for d.at+1 < len(d.turns) && !when.Before(d.turns[d.at+1].begins) {
		if d.at >= 0 {
			now := &d.turns[d.at]
			if now.lines < now.own && when.Before(d.turns[d.at+1].surely) {
				return
			}
		}
		d.at++
	}
}

// take adds bytes of a part to the step whose turn it is.
func (d *divider) take(p *store.LogPart, from, size int64, ends bool) {
	step, lines := Preamble, int64(0)
	if ends {
		lines = 1
	}
	if d.at >= 0 {
		step = d.turns[d.at].step
		d.turns[d.at].lines += lines
	}
	spans := d.pieces[step]
	if n := len(spans); n > 0 && spans[n-1].part == p && spans[n-1].from+spans[n-1].size == from {
		spans[n-1].size += size
		spans[n-1].lines += lines
		return
	}
	d.pieces[step] = append(spans, span{part: p, from: from, size: size, lines: lines})
}

// endLine ends the last line, which may be cut off.
func (d *divider) endLine() {
	step := Preamble
	if d.at >= 0 {
		step = d.turns[d.at].step
	}
	d.pieces[step] = append(d.pieces[step], textSpan("\n"))
}

// firstTime is the time that a log begins with, zero if it bears none.
func (l *Logs) firstTime(ctx context.Context, parts []*store.LogPart) (when time.Time, err error) {
	o, err := l.blobs.Open(ctx, parts[0].Blob)
	if actions.KindOf(err) == actions.NotFound {
		return when, nil
	}
	if err != nil {
		return when, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	head := make([]byte, len(wire.LogTime)+1)
	n, err := io.ReadFull(o, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return when, err
	}
	when, _ = wire.TimeOfLog(head[:n])
	return when, nil
}
