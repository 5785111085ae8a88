package artifactcli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/client"
)

const (
	maxWorkers = 16
	maxPiece   = 64 << 20
	maxSize    = 64 << 40 // a million pieces
	copyBuffer = 256 << 10
	digestKind = "sha256:"
)

// A fetch brings the bytes of one artifact into its part.
type fetch struct {
	c       *Client
	art     *Artifact
	part    *part
	source  *source
	workers int
	moved   func(n int64) // is called for bytes that came, and with less than 0 for those that have to come again
	sum     atomic.Int64  // of all n
}

// count counts bytes that came.
func (f *fetch) count(n int64) {
	f.sum.Add(n)
	f.moved(n)
}

// pieceSize is what an artifact is divided into: a larger one into larger pieces.
func (c *Client) pieceSize(size int64) int64 {
	return max(c.piece, min(size/64, maxPiece))
}

// fetch brings a whole artifact, verified, into a part of root, which the caller
// closes. What an earlier call left is not asked for again.
func (c *Client) fetch(ctx context.Context, root *os.Root, a *Artifact, workers int, moved func(int64)) (*part, error) {
	if a.Digest != "" && !strings.HasPrefix(a.Digest, digestKind) {
		return nil, fmt.Errorf("%s: its digest %s is of a kind that this program cannot compute", a, printable(a.Digest))
	}
	if a.Size < 0 || a.Size > maxSize {
		return nil, fmt.Errorf("%s: the server says that it has %d bytes", a, a.Size)
	}
	p, err := openPart(root, c.api.URL()+"/"+c.repo+"/"+artifactPath(a.ID), a, c.pieceSize(a.Size))
	if err != nil {
		return nil, err
	}
	f := &fetch{c: c, art: a, part: p, source: newSource(c, a), workers: min(max(workers, 1), maxWorkers), moved: moved}
	if err := f.all(ctx); err != nil {
		if p.have() == 0 {
			return nil, errors.Join(err, p.remove())
		}
		p.close()
		return nil, err
	}
	if err := f.verify(ctx); err != nil {
		return nil, errors.Join(err, p.remove())
	}
	return p, nil
}

// all brings what is missing. It begins anew once if the storage has other bytes
// than before, and in one piece if it gives no ranges.
func (f *fetch) all(ctx context.Context) error {
	err := f.pieces(ctx)
	if errors.Is(err, errChanged) {
		f.anew(f.c.pieceSize(f.art.Size))
		err = f.pieces(ctx)
	}
	if errors.Is(err, errNoRanges) {
		f.anew(f.art.Size)
		err = f.pieces(ctx)
	}
	if err != nil && ctx.Err() == nil && !strings.HasPrefix(err.Error(), f.art.String()) { // as answers of the API do
		return fmt.Errorf("%s: %w", f.art, err)
	}
	return err
}

func (f *fetch) anew(piece int64) {
	f.count(-f.sum.Load())
	f.part.divide(piece)
}

func (f *fetch) pieces(ctx context.Context) error {
	f.part.again()
	f.count(f.part.have() - f.sum.Load())
	g, ctx := errgroup.WithContext(ctx)
	begun := make(chan struct{}) // is closed by the first worker once the storage has given a range
	for n := range f.workers {
		g.Go(func() error {
			begin := func() {}
			if n == 0 {
				begin = func() { close(begun) }
			} else if !wait(ctx, begun) {
				return nil
			}
			return f.work(ctx, begin)
		})
	}
	return g.Wait()
}

func wait(ctx context.Context, c <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c:
		return true
	}
}

// work brings piece after piece. It calls begin once, with the first good answer
// or at its end.
func (f *fetch) work(ctx context.Context, begin func()) error {
	began := false
	once := func() {
		if !began {
			began = true
			begin()
		}
	}
	for {
		i, from, to, ok := f.part.take()
		if !ok {
			once()
			return nil
		}
		if err := f.piece(ctx, from, to, once); err != nil {
			return err // the context of the others ends
		}
		if err := f.part.finish(i); err != nil {
			return err
		}
	}
}

// piece brings the bytes between two offsets, in as many tries as that takes.
func (f *fetch) piece(ctx context.Context, from, to int64, begin func()) error {
	tries := f.c.api.Tries()
	best, refused := from, 0
	for at := from; ; {
		u, err := f.source.location(ctx)
		if err != nil {
			return err
		}
		n, err := f.get(ctx, u, from, at, to, begin)
		if err == nil {
			return nil
		}
		if at += n; at > best {
			tries.Progress()
			best, refused = at, 0
		}
		f.source.stale(u)
		switch s := client.StatusOf(err); {
		case errors.Is(err, errNoRanges) && f.part.whole():
			err = io.ErrUnexpectedEOF // that of the try before: from the first byte again
			f.count(from - at)
			at = from
		case s >= 400 && s < 500 && !client.Transient(err) && refused < 2:
			refused++ // a signed URL may have ended early; a new one tells whether the artifact has, too
			continue
		}
		if !tries.Again(ctx, err) {
			return err
		}
		if at > from && f.part.etag() == "" && f.art.Digest == "" {
			f.count(from - at) // nothing tells whether the rest would be of the same bytes
			at = from
		}
	}
}

// get asks for the bytes from at to the end of a piece, and writes what comes.
func (f *fetch) get(ctx context.Context, u *url.URL, from, at, to int64, begin func()) (n int64, err error) {
	if at == to && at > 0 {
		return 0, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(f.c.stall, func() { cancel(client.ErrStalled) })
	defer watch.Stop()
	defer func() {
		if err != nil && errors.Is(context.Cause(ctx), client.ErrStalled) {
			err = client.ErrStalled
		}
	}()
	res, err := f.request(ctx, u, at, to)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if err := f.check(res, from, at, to); err != nil {
		return 0, err
	}
	begin()
	out := &sink{w: io.NewOffsetWriter(f.part.file, at), moved: f.count, alive: func() { watch.Reset(f.c.stall) }}
	n, err = io.CopyBuffer(out, io.LimitReader(res.Body, to-at), make([]byte, min(copyBuffer, to-at+1)))
	if err == nil && n < to-at {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (f *fetch) request(ctx context.Context, u *url.URL, at, to int64) (*http.Response, error) {
	header := http.Header{}
	if at > 0 || to < f.art.Size {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, to-1))
		if tag := f.part.etag(); strings.HasPrefix(tag, `"`) { // a weak one does not say that bytes are the same
			header.Set("If-Range", tag)
		}
	}
	return f.c.api.Visit(ctx, u.String(), header)
}

// check says whether an answer has the bytes that were asked for.
func (f *fetch) check(res *http.Response, from, at, to int64) error {
	ranged := res.Request.Header.Get("Range") != ""
	switch {
	case res.StatusCode == http.StatusPartialContent && ranged:
		want := fmt.Sprintf("bytes %d-%d/%d", at, to-1, f.art.Size)
		if got := res.Header.Get("Content-Range"); got != want {
			return fmt.Errorf("%w: %s for %s", errChanged, printable(got), want)
		}
	case res.StatusCode == http.StatusOK && ranged:
		if tag := f.part.etag(); tag != "" && res.Header.Get("ETag") != tag {
			return errChanged
		}
		return errNoRanges
	case res.StatusCode == http.StatusOK:
		if res.ContentLength >= 0 && res.ContentLength != f.art.Size {
			return fmt.Errorf("the storage has %d bytes, but the artifact %d", res.ContentLength, f.art.Size)
		}
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return errChanged
	default:
		return &explained{fmt.Sprintf("the storage at %s answers %d", printable(res.Request.URL.Host), res.StatusCode), client.Refused(res)}
	}
	if at > from || f.part.etag() != "" {
		return f.part.describe(res.Header.Get("ETag"), f.part.contentType())
	}
	return f.part.describe(res.Header.Get("ETag"), res.Header.Get("Content-Type"))
}

// A sink writes what comes, and tells of it.
type sink struct {
	w     io.Writer
	moved func(int64)
	alive func()
}

// Write writes p.
func (s *sink) Write(p []byte) (int, error) {
	s.alive()
	n, err := s.w.Write(p)
	s.moved(int64(n))
	return n, err
}

// verify compares all bytes with what the API says of them.
func (f *fetch) verify(ctx context.Context) error {
	info, err := f.part.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != f.art.Size {
		return fmt.Errorf("%s: %d bytes have come, but it has %d: nothing is kept; try again", f.art, info.Size(), f.art.Size)
	}
	if f.art.Digest == "" {
		return nil
	}
	want := strings.TrimPrefix(f.art.Digest, digestKind)
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, &until{ctx, io.NewSectionReader(f.part.file, 0, f.art.Size)}, make([]byte, copyBuffer)); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, want) {
		return fmt.Errorf("%s: %w: the SHA-256 of what came is %s, but the server says %s: nothing is kept; try again, and if that ends the same way, upload it again",
			f.art, errDigest, got, printable(want))
	}
	return nil
}

// errDigest is that an artifact's bytes are not those that the server describes.
var errDigest = errors.New("the bytes are wrong")

// until reads as long as a context lasts.
type until struct {
	ctx context.Context
	r   io.Reader
}

// Read reads.
func (u *until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
