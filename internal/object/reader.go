package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/store"
)

// Open opens a sealed object and its first part; Conflict when it is not sealed,
// Gone when the part was lost. The reader uses ctx until it is closed.
func (o *Objects) Open(ctx context.Context, id int64) (*Reader, error) {
	obj, l, err := o.sealed(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &Reader{ctx: ctx, id: id, blobs: o.blobs, parts: l.parts, size: obj.Size}
	if _, err = r.seek(&r.cur, 0); err == nil || errors.Is(err, io.EOF) {
		return r, nil
	}
	if actions.KindOf(err) == actions.NotFound {
		if _, _, e := o.sealed(ctx, id); e != nil { // it was dropped meanwhile
			return nil, e
		}
		o.log.ErrorContext(ctx, "blob of an object is lost", "object", id, "err", err)
		err = actions.Errorf(actions.Gone, "The bytes of object %d are gone", id)
	}
	return nil, err
}

func (o *Objects) sealed(ctx context.Context, id int64) (*store.Object, *list, error) {
	obj, err := o.store.Object(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if obj.Status != store.ObjectSealed {
		return nil, nil, actions.Errorf(actions.Conflict, "object %d is not complete", id)
	}
	blocks, err := o.store.Blocks(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	l, err := listOf(obj, blocks)
	return obj, l, err
}

// URL is where clients can fetch a sealed object from the blob store itself. ok is
// false when the store cannot do that, or the object is not one blob.
func (o *Objects) URL(ctx context.Context, id int64, p blob.PresignOptions) (url string, ok bool, err error) {
	presigner, ok := o.blobs.(blob.Presigner)
	if !ok {
		return "", false, nil
	}
	_, l, err := o.sealed(ctx, id)
	if err != nil || len(l.parts) != 1 {
		return "", false, err
	}
	return presigner.Presign(ctx, l.parts[0].blob, p)
}

// A Reader reads an object. It has one of its blobs open at a time, so when the
// object is dropped meanwhile, it ends with NotFound where the next begins. It is
// for one goroutine; only ReadAt may be called by several.
type Reader struct {
	ctx   context.Context
	id    int64
	blobs blob.Store
	parts []part
	size  int64

	at  int64 // offset of the next byte
	cur opened

	mu     sync.Mutex // guards random
	random opened     // of ReadAt
}

var (
	_ io.ReadSeekCloser = (*Reader)(nil)
	_ io.ReaderAt       = (*Reader)(nil)
	_ io.WriterTo       = (*Reader)(nil)
)

// opened is a part that is open.
type opened struct {
	blob.Object
	index int   // in the parts
	at    int64 // offset in the part of the next byte
}

// Size is the size of the object in bytes.
func (r *Reader) Size() int64 { return r.size }

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	left, err := r.seek(&r.cur, r.at)
	if err != nil {
		return 0, err
	}
	n, err := r.cur.Read(p[:min(int64(len(p)), left)])
	r.moved(int64(n))
	if errors.Is(err, io.EOF) {
		if err = nil; n == 0 {
			err = r.short()
		}
	}
	return n, err
}

// Seek implements [io.Seeker].
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	to, err := blob.SeekTo(r.at, r.size, offset, whence)
	if err != nil {
		return 0, err
	}
	r.at = to
	return to, nil
}

// WriteTo implements [io.WriterTo].
func (r *Reader) WriteTo(w io.Writer) (int64, error) { return r.CopyN(w, max(0, r.size-r.at)) }

// CopyN writes the next n bytes to w; io.EOF when there are fewer. It hands w the
// blobs themselves, so that a connection can take files from the kernel.
func (r *Reader) CopyN(w io.Writer, n int64) (written int64, err error) {
	for written < n {
		left, err := r.seek(&r.cur, r.at)
		if err != nil {
			return written, err
		}
		want := min(left, n-written)
		copied, err := io.CopyN(w, r.cur.Object, want)
		written += copied
		r.moved(copied)
		if errors.Is(err, io.EOF) && copied < want {
			err = r.short()
		}
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// ReadAt implements [io.ReaderAt]. Calls at once wait for each other.
func (r *Reader) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, fmt.Errorf("read at %d", at)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for n < len(p) {
		left, err := r.seek(&r.random, at+int64(n))
		if err != nil {
			return n, err
		}
		m, err := io.ReadFull(r.random, p[n:n+int(min(int64(len(p)-n), left))])
		r.random.at += int64(m)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Close closes what is open.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.cur.close(), r.random.close())
}

func (r *Reader) moved(n int64) {
	r.at += n
	r.cur.at += n
}

func (r *Reader) short() error {
	return fmt.Errorf("object %d: %w in a part", r.id, io.ErrUnexpectedEOF)
}

// seek makes the byte at an offset the next one of o, and tells how many bytes its
// part has from there on.
func (r *Reader) seek(o *opened, at int64) (left int64, err error) {
	if at >= r.size {
		return 0, io.EOF
	}
	// The last part that does not begin after at; empty ones before it have no bytes.
	i := sort.Search(len(r.parts), func(i int) bool { return r.parts[i].at > at }) - 1
	part, inPart := r.parts[i], at-r.parts[i].at
	if o.Object == nil || o.index != i {
		if err := o.close(); err != nil {
			return 0, err
		}
		b, err := r.blobs.Open(r.ctx, part.blob)
		if err != nil {
			return 0, fmt.Errorf("object %d: %w", r.id, err)
		}
		*o = opened{Object: b, index: i}
	}
	if o.at != inPart {
		if _, err := o.Seek(inPart, io.SeekStart); err != nil {
			return 0, err
		}
		o.at = inPart
	}
	return part.size - inPart, nil
}

func (o *opened) close() error {
	if o.Object == nil {
		return nil
	}
	b := o.Object
	o.Object = nil
	return b.Close()
}
