package logs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	tailBytes = 1 << 20 // of a step's stored log that a follower gets
	tailLines = 2000
	tailLine  = 1024 // bytes of a line, as runners cut live ones
)

// stepLogs are the logs of the steps of a job, in the order of steps; the log of
// the job as a whole if its runner has sent none of a step.
func (l *Logs) stepLogs(ctx context.Context, job *actions.Job) ([][]*store.LogPart, error) {
	parts, err := l.store.JobLog(ctx, job.ID)
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	steps, err := l.store.Steps(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	return counted(job, byStep(steps, slices.DeleteFunc(parts, func(p *store.LogPart) bool { return p.Step == Notes }))), nil
}

// byStep divides the parts of a job by step, in the order of steps.
func byStep(steps []*actions.Step, parts []*store.LogPart) [][]*store.LogPart {
	var logs [][]*store.LogPart
	for len(parts) > 0 { // sorted by step and part
		n := 1
		for n < len(parts) && parts[n].Step == parts[0].Step {
			n++
		}
		logs = append(logs, parts[:n:n])
		parts = parts[n:]
	}
	position := order(steps)
	slices.SortStableFunc(logs, func(a, b []*store.LogPart) int {
		return cmp.Compare(position(a[0].Step), position(b[0].Step))
	})
	return logs
}

func linesOf(parts []*store.LogPart) (n int64) {
	for _, p := range parts {
		n += p.Lines
	}
	return n
}

// tail is the last lines of a log. They are numbered from its end, whose number
// the rows know.
func (l *Logs) tail(ctx context.Context, parts []*store.LogPart) (e Event, err error) {
	e.Step = parts[0].Step
	size, i := int64(0), len(parts)
	for i > 0 && size < tailBytes {
		i--
		size += parts[i].Size
	}
	skip := max(size-tailBytes, 0)
	r := &reader{ctx: ctx, blobs: l.blobs, parts: parts[i:]}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.next(); err != nil {
		return e, err
	}
	if _, err := r.open.Seek(skip, io.SeekStart); err != nil {
		return e, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return e, err
	}
	e.Line = linesOf(parts) - int64(bytes.Count(text, []byte{'\n'})) + 1
	for line := range bytes.Lines(text) {
		e.Lines = append(e.Lines, shown(line))
	}
	first := max(len(e.Lines)-tailLines, 0)
	if first == 0 && len(e.Lines) > 0 && (i > 0 || skip > 0) {
		first = 1 // it may be the end of a line only
	}
	e.Lines, e.Line = e.Lines[first:], e.Line+int64(first)
	return e, nil
}

// shown is a stored line as a live one would be: without its time stamp and its
// line break, cut, in UTF-8.
func shown(line []byte) string {
	line = wire.CutLogTime(bytes.TrimRight(line, "\r\n"))
	return strings.ToValidUTF8(cut(string(line), tailLine), "\uFFFD")
}

// cut is at most the first n bytes of a line, and no part of a character.
func cut(line string, n int) string {
	if len(line) <= n {
		return line
	}
	end := n
	for end > max(n-utf8.UTFMax, 0) && !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end]
}
