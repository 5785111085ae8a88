package logs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
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
// a step whose own log is there has as many lines as that has, and begins with it; and of
// two without one, the second begins after the longest pause.
type divider struct {
	turns []turn
	at    int // the turn of the line before; -1 before the first

	pieces map[string][]span

	last time.Time // of the line before
	held []burst   // lines of which it is open whose they are
}

// A burst is lines behind a pause.
type burst struct {
	pause time.Duration
	spans []span
}

// A turn is the time of one step.
type turn struct {
	step   string
	begins time.Time
	surely time.Time // begins may be early, but not by more
	exact  bool      // it is the time of its first line
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
		if t.own == 0 {
			continue
		}
		first, err := l.firstTime(ctx, sent[t.step])
		if err != nil {
			return nil, err
		}
		if t.exact = !first.Before(t.begins); t.exact {
			t.begins = first
			if first.After(t.surely) { // it may lack its beginning
				t.begins = t.surely
			}
		}
	}
	in, begins := bufio.NewReaderSize(nil, 64<<10), true
	for _, p := range spansOf(whole) {
		var err error
		if begins, err = l.eachLine(ctx, p, in, begins, d); err != nil {
			return nil, err
		}
	}
	if !begins {
		d.take(textSpan("\n")) // its last line may be cut off
	}
	for len(d.held) > 0 {
		d.turn()
	}
	return d.pieces, nil
}

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

// A taker takes text line by line.
type taker interface {
	begin(line []byte) // a line begins; of a long one this is the front
	take(s span)       // it, or more of it
}

// eachLine gives a span of a part to a taker. begins says whether it begins with a line of
// its own; so does what is returned of the next. Where the bytes of the part are lost,
// who reads them is told.
func (l *Logs) eachLine(ctx context.Context, s span, in *bufio.Reader, begins bool, t taker) (next bool, err error) {
	if s.part == nil {
		return begins, nil
	}
	o, err := l.blobs.Open(ctx, s.part.Blob)
	if actions.KindOf(err) == actions.NotFound {
		return begins, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if _, err := o.Seek(s.from, io.SeekStart); err != nil {
		return false, err
	}
	in.Reset(io.LimitReader(o, s.size))
	for at := s.from; ; {
		text, err := in.ReadSlice('\n')
		if size := int64(len(text)); size > 0 {
			if begins {
				t.begin(text)
			}
			taken := span{part: s.part, from: at, size: size}
			if begins = text[size-1] == '\n'; begins {
				taken.lines = 1
			}
			t.take(taken)
			at += size
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
	pause := when.Sub(d.last)
	d.last = when
	for d.at+1 < len(d.turns) && !when.Before(d.turns[d.at+1].begins) {
		if d.at >= 0 && when.Before(d.turns[d.at+1].surely) && d.stays(when, pause) {
			return
		}
		d.turn()
	}
}

// stays says whether a line that may be the first of the next step is taken for one of the
// step before, for now.
func (d *divider) stays(when time.Time, pause time.Duration) bool {
	now, open := &d.turns[d.at], 0 // steps that may have begun
	for _, t := range d.turns[d.at+1:] {
		if when.Before(t.begins) {
			break
		}
		if t.exact {
			return false
		}
		open++
	}
	switch {
	case now.own > 0:
		return now.lines < now.own
	case now.lines == 0 && len(d.held) == 0: // it has printed something
		return true
	}
	d.held = append(d.held, burst{pause: pause})
	if len(d.held) > open {
		d.joinBursts()
	}
	return true
}

// joinBursts joins the two with the shortest pause between them.
func (d *divider) joinBursts() {
	least := 0
	for i, b := range d.held {
		if b.pause < d.held[least].pause {
			least = i
		}
	}
	spans := d.held[least].spans
	d.held = slices.Delete(d.held, least, least+1)
	if least == 0 {
		d.add(d.at, spans)
		return
	}
	before := &d.held[least-1].spans
	for _, s := range spans {
		*before = joined(*before, s)
	}
}

// turn is when the next step surely has begun. If it is open with which of the lines that
// came it did, it did behind the longest pauses.
func (d *divider) turn() {
	d.at++
	if len(d.held) > 0 {
		d.add(d.at, d.held[0].spans)
		d.held = d.held[1:]
	}
}

// take adds to the step whose turn it is.
func (d *divider) take(s span) {
	if n := len(d.held); n > 0 {
		d.held[n-1].spans = joined(d.held[n-1].spans, s)
		return
	}
	d.add(d.at, []span{s})
}

// add adds to the step of a turn.
func (d *divider) add(turn int, spans []span) {
	step := Preamble
	if turn >= 0 {
		step = d.turns[turn].step
		d.turns[turn].lines += linesOf(spans)
	}
	for _, s := range spans {
		d.pieces[step] = joined(d.pieces[step], s)
	}
}

// joined is a list of spans with one more, which may go on where the last ends.
func joined(list []span, s span) []span {
	if n := len(list); n > 0 && s.part != nil && list[n-1].part == s.part && list[n-1].from+list[n-1].size == s.from {
		list[n-1].size += s.size
		list[n-1].lines += s.lines
		return list
	}
	return append(list, s)
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
