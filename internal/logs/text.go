package logs

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A text is a piece of a log on its way in: it takes a byte order mark off,
// counts lines, and ends after max bytes with a line that says why.
type text struct {
	r    io.Reader
	max  int64
	note string // the line for a text that was cut

	head  []byte // read already
	buf   [len(mark) + 1]byte
	eof   bool
	lines int64 // line breaks so far
	last  byte
	cut   bool
}

// Every file that a .NET runner writes begins with it.
const mark = "\xEF\xBB\xBF"

// newText begins to read r. It is nil when there is no text at all.
func newText(r io.Reader, limit, used int64, now time.Time) (*text, error) {
	t := &text{r: r, max: max(limit-used, 0), note: string(wire.AppendLogTime(nil, now)) +
		"##[warning]The log of this job is longer than " + strconv.FormatInt(limit, 10) + " bytes. The rest is not kept.\n"}
	n := 0
	for n < len(t.buf) && !t.eof {
		m, err := r.Read(t.buf[n:])
		n += m
		switch {
		case errors.Is(err, io.EOF):
			t.eof = true
		case err != nil:
			return nil, err
		}
	}
	t.head = bytes.TrimPrefix(t.buf[:n], []byte(mark))
	if t.eof && len(t.head) == 0 {
		return nil, nil // nothing, and nothing wrong
	}
	return t, nil
}

// Read implements [io.Reader].
func (t *text) Read(p []byte) (n int, err error) {
	switch {
	case len(t.head) > 0:
		n = copy(p, t.head)
		t.head = t.head[n:]
	case t.eof:
		return 0, io.EOF
	default:
		n, err = t.r.Read(p)
		t.eof = errors.Is(err, io.EOF)
	}
	if !t.cut && int64(n) > t.max {
		return t.end(p[:t.max])
	}
	t.count(p[:n])
	return n, err
}

func (t *text) count(p []byte) {
	if len(p) == 0 {
		return
	}
	t.max -= int64(len(p))
	t.lines += int64(bytes.Count(p, []byte{'\n'}))
	t.last = p[len(p)-1]
}

// end cuts the text after kept. What is left is read, for its sender has done
// nothing wrong.
func (t *text) end(kept []byte) (int, error) {
	t.count(kept)
	t.cut = true
	if _, err := io.Copy(io.Discard, t.r); err != nil {
		return 0, err
	}
	if t.last != 0 && t.last != '\n' {
		t.note = "\n" + t.note
	}
	t.head, t.eof = []byte(t.note), true
	return len(kept), nil
}

// extra is how much longer than its limit a text can get.
func (t *text) extra() int64 { return int64(len(t.note)) + 1 }
