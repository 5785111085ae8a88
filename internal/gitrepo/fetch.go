package gitrepo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A FetchRequest is what a client sends in one round of a clone or fetch.
type FetchRequest struct {
	text  pieces
	wants []oid // the objects that it asks for
	has   bool  // the client names an object that it has
}

// pieces are a text that has come bit by bit, and was never copied.
type pieces [][]byte

const pieceSize = 64 << 10

// readPieces reads at most limit bytes, and one more where there are more.
func readPieces(r io.Reader, limit int64) (text pieces, size int64, err error) {
	r = io.LimitReader(r, limit+1)
	for err == nil {
		piece, n := make([]byte, pieceSize), 0
		for n < pieceSize && err == nil {
			var m int
			m, err = r.Read(piece[n:])
			n += m
		}
		size += int64(n)
		if n < pieceSize {
			piece = bytes.Clone(piece[:n]) // most requests are small
		}
		text = append(text, piece)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text, size, err
}

func (p pieces) reader() io.Reader {
	readers := make([]io.Reader, len(p))
	for i, piece := range p {
		readers[i] = bytes.NewReader(piece)
	}
	return io.MultiReader(readers...)
}

// ReadFetch reads a request to its end, which no process of git waits for. One
// that is larger than our limits is Invalid.
func (g *Git) ReadFetch(body io.Reader) (*FetchRequest, error) {
	text, size, err := readPieces(body, g.limits.RequestBytes)
	if err != nil {
		if actions.KindOf(err) == actions.Internal {
			err = actions.Errorf(actions.Malformed, "%w", err)
		}
		return nil, fmt.Errorf("request cannot be read: %w", err)
	}
	if size > g.limits.RequestBytes {
		return nil, actions.Errorf(actions.Invalid, "request is larger than %d bytes", g.limits.RequestBytes)
	}
	f := &FetchRequest{text: text}
	if err := f.parse(g.limits.Wants); err != nil {
		return nil, fmt.Errorf("request cannot be read: %w", err)
	}
	return f, nil
}

var wantPrefix, havePrefix = []byte("want "), []byte("have ")

// parse finds the objects that a request asks for, in any version.
func (f *FetchRequest) parse(most int) error {
	r := bufio.NewReaderSize(f.text.reader(), maxPacket)
	for {
		p, err := peekPacket(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return actions.Errorf(actions.Malformed, "%w", err)
		}
		f.has = f.has || bytes.HasPrefix(p.payload(), havePrefix)
		if sha, ok := bytes.CutPrefix(p.payload(), wantPrefix); ok && !p.special() {
			// capabilities may follow in version 0
			name, ok := parseOID(sha[:min(len(sha), len(actions.ZeroSHA))])
			if !ok {
				return actions.Errorf(actions.Malformed, "bad want line %.60q", p.payload())
			}
			if f.wants = append(f.wants, name); len(f.wants) > most {
				return actions.Errorf(actions.Invalid, "more than %d objects are wanted at once", most)
			}
		}
		if _, err := r.Discard(len(p)); err != nil {
			return err
		}
	}
}
