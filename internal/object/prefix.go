package object

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
)

// The digest of an object is computed while its blocks arrive. The position of a
// block is guessed from its name (see [indexOf]), or else from the order of arrival.
// A block that is next when its body comes is hashed on its way to the blob store;
// the others wait until all before them are hashed, and are read back by a worker,
// usually from the page cache. What was hashed is compared with the list of blocks
// before it is used, so a wrong guess costs only time.

// A prefix is the SHA-256 of the first blocks of an object. It is a value whose
// hashes nobody shares.
type prefix struct {
	hash   hash.Cloner // of the bytes
	keys   hash.Cloner // of the blobs' keys, in order
	blocks int
}

func newPrefix() prefix {
	return prefix{hash: cloner(sha256.New()), keys: cloner(sha256.New())}
}

// cloner is what the hashes of the standard library are.
func cloner(h hash.Hash) hash.Cloner {
	c, _ := h.(hash.Cloner)
	return c
}

// clone returns a copy to go on with, which may fail half way.
func (p prefix) clone() (prefix, error) {
	h, err := p.hash.Clone()
	if err != nil {
		return prefix{}, err
	}
	k, err := p.keys.Clone()
	p.hash, p.keys = h, k
	return p, err
}

// end counts a block all of whose bytes were written to hash.
func (p *prefix) end(blob string) {
	_, _ = io.WriteString(p.keys, blob) // a hash never fails
	p.blocks++
}

// begins tells whether the parts begin with the blocks of p.
func (p *prefix) begins(parts []part) bool {
	if p.blocks > len(parts) {
		return false
	}
	keys := sha256.New()
	for _, part := range parts[:p.blocks] {
		_, _ = io.WriteString(keys, part.blob)
	}
	return string(keys.Sum(nil)) == string(p.keys.Sum(nil))
}

// An order is a guess at the positions of blocks. The upload's mutex guards it.
type order struct {
	kind    orderKind
	next    int64           // position of the first block that is neither hashed nor being hashed
	started int64           // byArrival: how many positions were given out
	waiting map[int64]piece // by position
	queued  bool            // a worker will look, or does
	paused  bool            // Finish goes on from here
	wrong   bool            // nothing more is hashed ahead
}

type piece struct {
	blob string
	size int64
}

type orderKind int

const (
	unknown orderKind = iota
	byIndex
	byOffset
	byArrival
)

// maxWaiting is how many blocks of an upload may wait to be hashed. Those beyond
// are left to Finish.
const maxWaiting = 256

// A ticket is a block on its way.
type ticket struct {
	kind     orderKind
	position int64
	ahead    *prefix // hashes the body as it comes, when it is its turn
}

// admit guesses the position of a block that is about to come.
func (u *upload) admit(t ticket) ticket {
	u.mu.Lock()
	defer u.mu.Unlock()
	o := &u.order
	if o.kind == unknown {
		o.kind = t.kind
	}
	if o.kind != t.kind {
		o.giveUp()
	}
	if o.wrong {
		return t
	}
	if t.kind == byArrival {
		t.position = o.started
		o.started++
	}
	if t.position != o.next || o.paused {
		return t
	}
	select {
	case state := <-u.state:
		if p, err := state.clone(); err == nil {
			t.ahead = &p
		}
		u.state <- state
	default: // somebody hashes: a block of the same position came
	}
	return t
}

// failed takes a block back that did not come whole.
func (u *upload) failed(t ticket) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if t.kind != byArrival {
		return
	}
	if t.position == u.order.started-1 {
		u.order.started--
		return
	}
	u.order.giveUp()
}

// came notes a block that has its row, and tells whether a worker should look.
func (u *upload) came(t ticket, p piece) (wake bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	o := &u.order
	if t.position < o.next { // it replaces one that is hashed
		o.giveUp()
	}
	if o.wrong {
		return false
	}
	if t.ahead != nil && t.position == o.next && !o.paused {
		select {
		case <-u.state:
			t.ahead.end(p.blob)
			u.state <- *t.ahead
			o.advance(p)
		default:
			o.wait(t.position, p)
		}
	} else {
		o.wait(t.position, p)
	}
	_, wake = o.waiting[o.next]
	wake = wake && !o.queued && !o.paused
	o.queued = o.queued || wake
	return wake
}

func (o *order) wait(position int64, p piece) {
	if o.waiting == nil {
		o.waiting = make(map[int64]piece)
	}
	if len(o.waiting) < maxWaiting {
		o.waiting[position] = p
	}
}

func (o *order) advance(p piece) {
	delete(o.waiting, o.next)
	if o.kind == byOffset {
		o.next += p.size
	} else {
		o.next++
	}
}

func (o *order) giveUp() { o.wrong, o.waiting = true, nil }

// turn takes the block whose turn it is. ok is false when there is none; then the
// next block to come wakes a worker again.
func (u *upload) turn() (p piece, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	o := &u.order
	if p, ok = o.waiting[o.next]; !ok || o.paused {
		o.queued = false
		return p, false
	}
	o.advance(p)
	return p, true
}

// pause keeps workers from hashing ahead, or lets them.
func (u *upload) pause(on bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.order.paused = on
}

func (u *upload) giveUp() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.order.giveUp()
}

// wake asks a worker to hash what waits. When there are too many, Finish does it.
func (o *Objects) wake(u *upload) {
	select {
	case o.ready <- u:
	default:
		u.giveUp()
	}
}

// workers is how many uploads are hashed ahead at a time.
func workers() int { return max(2, runtime.GOMAXPROCS(0)) }

// work hashes blocks ahead until ctx ends.
func (o *Objects) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case u := <-o.ready:
			o.hashAhead(ctx, u)
		}
	}
}

// hashAhead hashes the blocks of an upload whose turn it is.
func (o *Objects) hashAhead(ctx context.Context, u *upload) {
	var state prefix
	select {
	case <-ctx.Done():
		return
	case state = <-u.state:
	}
	defer func() { u.state <- state }()
	for {
		p, ok := u.turn()
		if !ok {
			return
		}
		next, err := o.hashOn(ctx, state, p)
		if err != nil { // replaced meanwhile, perhaps; Finish will see
			u.giveUp()
			return
		}
		state = next
	}
}

// hashOn returns state with one more block.
func (o *Objects) hashOn(ctx context.Context, state prefix, p piece) (prefix, error) {
	next, err := state.clone()
	if err != nil {
		return state, err
	}
	if err := o.copyBlob(ctx, next.hash, p); err != nil {
		return state, err
	}
	next.end(p.blob)
	return next, nil
}

// copyBlob copies a block to w.
func (o *Objects) copyBlob(ctx context.Context, w io.Writer, p piece) (err error) {
	r, err := o.blobs.Open(ctx, p.blob)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	buf, _ := o.buffers.Get().(*[]byte)
	defer o.buffers.Put(buf)
	n, err := io.CopyBuffer(w, contextReader{ctx, r}, *buf)
	if err == nil && n != p.size {
		err = fmt.Errorf("blob %s has %d bytes, not %d", p.blob, n, p.size)
	}
	return err
}

// A contextReader ends with its context. It has no other methods, so that the
// buffer is used.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
