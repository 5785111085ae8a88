package logs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	tailBytes = 1 << 20 // of a step's stored log that a follower gets
	tailLines = 2000
	tailLine  = 1024 // bytes of a line, as runners cut live ones
)

// tail is the last lines of a log. They are numbered from its end, whose number
// the rows know.
func (l *Logs) tail(ctx context.Context, log stepLog) (e Event, err error) {
	e.Step = log.step
	size, i := int64(0), len(log.spans)
	for i > 0 && size < tailBytes {
		i--
		size += log.spans[i].size
	}
	last := slices.Clone(log.spans[i:])
	skip := int64(0)
	if size > tailBytes && last[0].part != nil {
		skip = size - tailBytes
		last[0].from += skip
		last[0].size -= skip
	}
	r := &reader{ctx: ctx, blobs: l.blobs, spans: last}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.next(); err != nil {
		return e, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return e, err
	}
	e.Line = linesOf(log.spans) - int64(bytes.Count(text, []byte{'\n'})) + 1
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
