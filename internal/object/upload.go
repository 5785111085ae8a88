package object

import (
	"context"
	"io"
	"sync"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/store"
)

// An upload is what memory knows of an object that takes blocks. It may be lost
// at any time, and another server may know more: the store decides.
type upload struct {
	id    int64
	limit int64 // bytes of the object

	// state is in the channel unless somebody hashes; finish while nobody finishes.
	state  chan prefix
	finish chan struct{}

	mu       sync.Mutex
	held     int64 // bytes of blocks in the store
	arriving int64 // bytes of bodies that are being read
	order    order
	list     *list // what was committed here last; nil when unknown
	sum      *Sum  // of the last list that was finished
}

// A list is the committed list of an object.
type list struct {
	revision int64
	parts    []part
	blocks   int // different ones
	size     int64
}

// A part is a block at its position in an object.
type part struct {
	blob string
	at   int64 // offset in the object
	size int64 // bytes
}

// maxKnownList is how many parts a list has that an upload remembers; longer ones
// are read from the store.
const maxKnownList = 64

func newUpload(id, limit, held int64) *upload {
	u := &upload{id: id, limit: limit, held: held, state: make(chan prefix, 1), finish: make(chan struct{}, 1)}
	u.state <- newPrefix()
	u.finish <- struct{}{}
	return u
}

// arrive counts n more bytes of a body of which the client has sent mine so far.
// Bodies that nobody will commit may not fill the disk: all blocks together may
// exceed the limit only by what one of them may replace.
func (u *upload) arrive(n, mine int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.arriving += n
	if mine > u.limit || u.held+u.arriving-mine > u.limit {
		return tooLarge(u.id, u.limit)
	}
	return nil
}

// arrived ends the count of a body. The object holds so many bytes then; less than
// 0 stands for as many as before.
func (u *upload) arrived(mine, held int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.arriving -= mine
	if held >= 0 {
		u.held = held
	}
}

// commit remembers the list.
func (u *upload) commit(l *list) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(l.parts) > maxKnownList { // the store knows it
		l = nil
	}
	u.list = l
}

func tooLarge(id, limit int64) error {
	return actions.Errorf(actions.Invalid, "object %d has more than its limit of %d bytes", id, limit)
}

// A body counts what is read of a block against its upload.
type body struct {
	r io.Reader
	u *upload
	n int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if n > 0 {
		if err := b.u.arrive(int64(n), b.n); err != nil {
			return n, err
		}
	}
	return n, err
}

// uploads are the newest of the uploads that run.
type uploads struct {
	mu    sync.Mutex // held by who adds one
	known *recent.Cache[int64, *upload]
}

// maxUploads bounds how many uploads are known; with 256 blocks each that wait to
// be hashed, the worst is some ten megabytes.
const maxUploads = 512

func newUploads() uploads {
	return uploads{known: recent.New[int64, *upload](maxUploads, maxUploads)}
}

// add makes u known, unless the object is; it returns who is known then.
func (us *uploads) add(u *upload) *upload {
	us.mu.Lock()
	defer us.mu.Unlock()
	if known, ok := us.known.Get(u.id); ok {
		return known
	}
	us.known.Put(u.id, u, 1)
	return u
}

func (us *uploads) forget(ids ...int64) {
	for _, id := range ids {
		us.known.Remove(id)
	}
}

// upload returns what is known of an object that takes blocks.
func (o *Objects) upload(ctx context.Context, id int64) (*upload, error) {
	if u, ok := o.uploads.known.Get(id); ok {
		return u, nil
	}
	obj, err := o.store.Object(ctx, id)
	if err != nil {
		return nil, err
	}
	if obj.Status == store.ObjectSealed {
		return nil, sealed(id)
	}
	return o.known(obj)
}

// known makes an object known that is not sealed.
func (o *Objects) known(obj *store.Object) (*upload, error) {
	if obj.TouchedAt.Before(o.booted) {
		return nil, actions.Errorf(actions.NotFound, "object %d was lost when the machine stopped", obj.ID)
	}
	return o.uploads.add(newUpload(obj.ID, obj.SizeLimit, obj.Received)), nil
}

func sealed(id int64) error {
	return actions.Errorf(actions.Conflict, "object %d is complete", id)
}
