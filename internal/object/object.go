// Package object keeps bytes that come in blocks: what artifacts and caches hold.
//
// An object is open at first. Its blocks arrive in any order, several at once and
// some of them twice; each goes straight to the blob store and gets a row, and the
// last of a name wins. A list then says which blocks the object consists of
// ([Objects.Commit]); others become dead. [Objects.Finish] computes the SHA-256 of
// the whole and flushes its blobs to disk; [Objects.Seal], in the transaction that
// makes the artifact or cache visible, ends all change. What is sealed can be read,
// by [Objects.Open], until [Objects.Drop] removes it, row first, then bytes.
//
// Nothing but sealed objects survives power loss for certain: rows and bytes of an
// upload are written relaxed and made durable together. All of it survives the end
// of the process; an upload that was under way when the machine stopped is lost as a
// whole, for its blobs may have other bytes now. Memory holds only what saves work: while an upload runs, workers
// hash its blocks in the order in which they will be listed (file prefix.go), so
// that Finish has little left to do. It is checked against the list, and lost
// without harm.
//
// What is dead, dropped or abandoned, and blobs that no row has, are removed by
// [Objects.Run]; everything else deletes bytes only to be early.
package object

import (
	"log/slog"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/store"
)

// Limits say how much an upload may send. Each object has a limit of its size,
// too: see [Objects.Begin].
type Limits struct {
	Block  int64 // bytes of one block
	Blocks int   // blocks of one object, listed or not
}

// DefaultLimits are those of Azure's block blobs.
func DefaultLimits() Limits { return Limits{Block: 4000 << 20, Blocks: 50_000} }

// Config is what objects need. Store, Blobs, Log and Now are required.
type Config struct {
	Store     *store.Store
	Blobs     blob.Store
	Log       *slog.Logger
	Now       func() time.Time
	Limits    Limits // the zero value stands for DefaultLimits
	Exclusive bool   // no other server uses these blobs: what was put before New and has no row is garbage
	Compose   bool   // join the blocks of an object in one blob where the blob store can, so that it has a URL
}

// Objects is safe for concurrent use.
type Objects struct {
	store     *store.Store
	blobs     blob.Store
	log       *slog.Logger
	now       func() time.Time
	limits    Limits
	started   time.Time
	booted    time.Time // what is older, and not flushed, the power may have taken
	exclusive bool
	compose   bool

	uploads uploads
	ready   chan *upload // wait for a worker to hash their next block
	buffers sync.Pool    // of *[]byte
}

// bufferSize is how much of a block is read at once to be hashed.
const bufferSize = 128 << 10

// New makes objects. It starts nothing: see [Objects.Run].
func New(c Config) *Objects {
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits()
	}
	o := &Objects{
		store: c.Store, blobs: c.Blobs, log: c.Log, now: c.Now, limits: c.Limits,
		started: c.Now(), exclusive: c.Exclusive, compose: c.Compose,
		uploads: newUploads(), ready: make(chan *upload, maxUploads),
	}
	if v, ok := c.Blobs.(blob.Volatile); ok {
		o.booted = v.Booted()
	}
	o.buffers.New = func() any { return new(make([]byte, bufferSize)) }
	return o
}

// ErrUnknownBlock is in the chain of the error of a list that names a block which
// the object does not hold, or does not cover it.
var ErrUnknownBlock = actions.Errorf(actions.Malformed, "the list does not fit the blocks")
