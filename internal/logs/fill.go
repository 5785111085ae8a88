package logs

import (
	"bufio"
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// The log of a step that is longer than a piece may lack pieces: each is sent once. What
// the log of the job has of them is put where they were. Nothing is taken out, for
// whatever has the job's token can send a log of the job.

// pieceSize is how many bytes GitHub's runner collects before it sends a piece. A shorter
// log is there or is not.
const pieceSize = 2 << 20

// holed says whether the log of the job has more lines than those of its steps, so that
// some of these may lack pieces.
func (j *JobLog) holed() bool {
	lines := int64(0)
	for _, s := range j.steps {
		if s.own || s.step == Preamble {
			lines += linesOf(s.spans)
		}
	}
	return sizeOf(j.whole) >= pieceSize && linesOf(j.whole) > lines
}

// fill adds to the log of a step what only its lines in the log of the job have.
func (j *JobLog) fill(ctx context.Context, s *actions.Step, own []*store.LogPart, cut []span) error {
	if linesOf(cut) <= linesOf(spansOf(own)) || sizeOf(cut) < pieceSize {
		return nil
	}
	f := &filler{own: own, begins: make([]time.Time, len(own))}
	for i := range own {
		var err error
		if f.begins[i], err = j.logs.firstTime(ctx, own[i:]); err != nil {
			return err
		}
	}
	in, begins := bufio.NewReaderSize(nil, 64<<10), true
	for _, c := range cut {
		var err error
		if begins, err = j.logs.eachLine(ctx, c, in, begins, f); err != nil {
			return err
		}
	}
	f.log = append(f.log, spansOf(own[f.next:])...)
	if !f.filled {
		return nil
	}
	for i := range j.steps {
		if j.steps[i].step == s.GUID {
			j.steps[i].spans = append(f.log, fillNote(s))
		}
	}
	return nil
}

func fillNote(s *actions.Step) span {
	return textSpan(string(wire.AppendLogTime(nil, s.CompletedAt)) + "##[notice]A part of the log of this step did not arrive. Its lines are those in the log of the job.\n")
}

// A filler goes through the lines of a step in the log of the job. As many as a part has
// are in that part, from the line on that has the time with which it begins; those
// between are in none.
type filler struct {
	own    []*store.LogPart
	begins []time.Time // of each; zero for one that begins within a line

	next    int // the part to come
	left    int64
	when    time.Time // of the line before
	between bool      // the line is in no part
	log     []span
	filled  bool
}

// begin finds out whether a line is in a part.
func (f *filler) begin(line []byte) {
	if when, ok := wire.TimeOfLog(line); ok {
		f.when = when
	}
	for f.next < len(f.own) && f.reached(f.begins[f.next]) {
		f.log = append(f.log, spansOf(f.own[f.next:f.next+1])...)
		f.left = f.own[f.next].Lines
		f.next++
	}
	f.between = f.left == 0
	f.left = max(f.left-1, 0)
}

// reached says whether a part that begins at a time comes now. Where the log of the job
// lacks lines, too, it comes before all of the last part have passed.
func (f *filler) reached(begins time.Time) bool {
	if f.left > 0 {
		return !begins.IsZero() && f.when.After(begins.Add(time.Millisecond))
	}
	return !f.when.Before(begins)
}

func (f *filler) take(s span) {
	if !f.between {
		return
	}
	f.filled = true
	f.log = joined(f.log, s)
}
