package logs

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/store"
)

// A span is a run of bytes of a log: of a stored part, or text that the server adds.
type span struct {
	part  *store.LogPart // nil for text
	from  int64          // the first of its bytes
	size  int64          // bytes
	lines int64          // line breaks
	text  string
}

// spansOf are the whole parts.
func spansOf(parts []*store.LogPart) []span {
	spans := make([]span, len(parts))
	for i, p := range parts {
		spans[i] = span{part: p, size: p.Size, lines: p.Lines}
	}
	return spans
}

func textSpan(text string) span {
	return span{size: int64(len(text)), lines: int64(strings.Count(text, "\n")), text: text}
}

func sizeOf(spans []span) (size int64) {
	for _, s := range spans {
		size += s.size
	}
	return size
}

func linesOf(spans []span) (n int64) {
	for _, s := range spans {
		n += s.lines
	}
	return n
}

func (l *Logs) open(ctx context.Context, spans []span) (io.ReadCloser, int64, error) {
	if len(spans) == 0 {
		return nil, 0, errNoLog
	}
	r := &reader{ctx: ctx, blobs: l.blobs, spans: spans}
	if err := r.next(); err != nil {
		return nil, 0, err
	}
	return r, sizeOf(spans), nil
}

// A reader reads spans one after the other, and has one of them open.
type reader struct {
	ctx    context.Context // of the one caller that made it
	blobs  blob.Store
	spans  []span      // still to be opened
	open   io.Reader   // nil before the first and after the last
	object blob.Object // behind it; nil for text
}

// next opens the next span, io.EOF if there is none.
func (r *reader) next() error {
	if err := r.Close(); err != nil {
		return err
	}
	if len(r.spans) == 0 {
		return io.EOF
	}
	s := r.spans[0]
	if s.part == nil {
		r.spans, r.open = r.spans[1:], strings.NewReader(s.text)
		return nil
	}
	o, err := r.blobs.Open(r.ctx, s.part.Blob)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return actions.Errorf(actions.Gone, "part %d of the log of job %d is lost", s.part.Part, s.part.JobID)
	case err != nil:
		return err
	}
	if s.from > 0 {
		if _, err := o.Seek(s.from, io.SeekStart); err != nil {
			return errors.Join(err, o.Close())
		}
	}
	r.spans, r.open, r.object = r.spans[1:], o, o
	if s.from+s.size < s.part.Size {
		r.open = io.LimitReader(o, s.size)
	}
	return nil
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	for {
		if r.open == nil {
			return 0, io.EOF
		}
		n, err := r.open.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := r.next(); err != nil || n > 0 {
			return n, err
		}
	}
}

// WriteTo implements [io.WriterTo], so that a part that is a file goes to a
// connection without passing through here.
func (r *reader) WriteTo(w io.Writer) (total int64, err error) {
	for r.open != nil {
		n, err := io.Copy(w, r.open)
		total += n
		if err != nil {
			return total, err
		}
		if err := r.next(); err != nil && !errors.Is(err, io.EOF) {
			return total, err
		}
	}
	return total, nil
}

// Close implements [io.Closer].
func (r *reader) Close() error {
	o := r.object
	r.open, r.object = nil, nil
	if o == nil {
		return nil
	}
	return o.Close()
}
