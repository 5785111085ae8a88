package mask

import (
	"bytes"
	"io"
)

// A Writer masks what is written to it and passes it on. It keeps back an end
// that may be the start of a secret until more comes or [Writer.Flush] is
// called: at most 511 bytes, or one line where there are regular expressions.
// One goroutine may use it at a time.
type Writer struct {
	masker *Masker
	to     io.Writer
	held   []byte
	out    []byte // kept for its memory
	state  progress
}

// Writer returns a Writer that passes masked bytes on to w.
func (m *Masker) Writer(w io.Writer) *Writer { return &Writer{masker: m, to: w} }

// Write masks b, together with what was kept back. Secrets that were added
// before the call are masked. It answers len(b) unless passing on fails.
func (w *Writer) Write(b []byte) (int, error) {
	s := w.masker.set.Load()
	switch {
	case s == nil:
		return w.to.Write(b)
	case len(s.regexps) > 0:
		if len(w.held)+len(b) < maxLine && bytes.IndexByte(b, '\n') < 0 {
			w.held = append(w.held, b...)
			return len(b), nil
		}
	case len(w.held) == 0:
		if start, _ := s.find(b, 0); start < 0 {
			return len(b), w.plain(b, s.hold(b))
		}
	}
	w.held = append(w.held, b...)
	return len(b), w.pass(s, false)
}

// plain passes on b up to rest, where there is nothing to mask.
func (w *Writer) plain(b []byte, rest int) error {
	w.held = append(w.held, b[rest:]...)
	if rest == 0 {
		return nil
	}
	w.state.open = false
	_, err := w.to.Write(b[:rest])
	return err
}

// pass masks what is held and passes it on.
func (w *Writer) pass(s *set, final bool) error {
	out, rest := s.mask(w.out[:0], w.held, &w.state, final)
	w.out = out
	w.held = append(w.held[:0], w.held[rest:]...)
	if len(out) == 0 {
		return nil
	}
	_, err := w.to.Write(out)
	return err
}

// Flush passes on what was kept back: no more will come that could make a
// secret of it. The Writer can be used again.
func (w *Writer) Flush() error {
	defer func() { w.state = progress{} }()
	if len(w.held) == 0 {
		return nil
	}
	return w.pass(w.masker.set.Load(), true)
}
