// Package blob keeps bytes: logs, summaries, parts of artifacts and caches.
//
// A blob is written once, whole, and never changed. The store that takes it
// chooses its key, which cannot be guessed and holds nothing from outside, so that
// no name of a user becomes a path. A row in the database gives it a meaning: a
// writer puts the blob first and then commits the row, so whoever finds a key in
// a row finds the blob. A blob without a row is garbage, to be found by
// [Store.List] once it is too old to be waiting for its row.
//
// A blob that Put has taken is on disk, unless it was [PutOptions].Relaxed: then
// power loss may take it, or a part of it, until Flush has returned. Who puts many
// blobs and commits one row flushes them together, and waits for the disk once.
//
// Package fs keeps blobs in a directory, package s3 in a bucket; blobtest is the
// suite for every Store. What only some stores can do is in interfaces of their
// own: [Presigner], [Composer] and [Volatile].
package blob

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Store keeps blobs. It is safe for concurrent use. A full disk or an
// unreachable server is Unavailable. A key that the store cannot have made is
// like one of a blob that is gone.
type Store interface {
	// Put reads r to its end and keeps what it read under a new key. When it
	// returns without error the blob survives power loss, unless o.Relaxed; with
	// an error, of r or ctx for example, no part of the blob is visible.
	Put(ctx context.Context, r io.Reader, o PutOptions) (Info, error)

	// Flush makes relaxed blobs survive power loss. Flushing a blob again costs
	// little and is no error; one that is not there is NotFound.
	Flush(ctx context.Context, keys ...string) error

	// Open returns the blob for reading, NotFound if there is none. The caller
	// closes it. The object may go on using ctx until then.
	Open(ctx context.Context, key string) (Object, error)

	// Delete removes a blob; its bytes are gone from the disk when it returns.
	// One that is not there is no error. Who has it open reads on to the end or
	// gets NotFound, and never other bytes.
	Delete(ctx context.Context, key string) error

	// List yields all blobs in no particular order. It ends after an error.
	List(ctx context.Context) iter.Seq2[Info, error]

	// Sweep removes what Puts that never ended have left before the given time,
	// and gives back space that deleted blobs still take.
	Sweep(ctx context.Context, before time.Time) error

	// Writable answers nil when a blob could be put now. It writes, and leaves
	// nothing behind.
	Writable(ctx context.Context) error
}

// PutOptions say how a blob is written.
type PutOptions struct {
	Limit   int64 // a longer blob is Invalid and not kept; nothing is unlimited
	Size    int64 // declared; another length is Malformed and not kept. 0 when unknown
	Relaxed bool  // do not wait for the disk: power loss may take the blob until Flush
}

// An Object is an open blob. One goroutine at a time may use it.
type Object interface {
	io.ReadSeekCloser
	Size() int64
}

// Info describes a blob.
type Info struct {
	Key     string
	Size    int64
	ModTime time.Time // when it was put
}

// A Presigner is a [Store] whose blobs clients can fetch from where they are,
// past this server.
type Presigner interface {
	// Presign makes a URL that serves the blob to whoever has it, until it
	// expires. It does not look whether the blob is there. ok is false when the
	// store is not set up for this; then the server must serve the blob.
	Presign(ctx context.Context, key string, o PresignOptions) (url string, ok bool, err error)
}

// PresignOptions say what a presigned URL answers.
type PresignOptions struct {
	Expires     time.Duration // from now; whole seconds
	ContentType string        // of the answer; "" leaves it to the store
	Disposition string        // Content-Disposition of the answer; "" for none
}

// A Composer is a [Store] that can join blobs without reading them.
type Composer interface {
	// Compose makes a new blob of others, in their order; they stay. Each but the
	// last has at least [MinCompose] bytes, else the result is Invalid.
	Compose(ctx context.Context, keys []string) (Info, error)
}

// A Volatile is a [Store] that has relaxed blobs in the memory of a machine until
// the disk has them.
type Volatile interface {
	// Booted is when that machine started, the zero time if nobody knows. A relaxed
	// blob that was put before, and not flushed, may be gone, or have its length and
	// other bytes.
	Booted() time.Time
}

// MinCompose is how long each blob that [Composer].Compose joins must be, but
// the last. MaxCompose is how many it joins.
const (
	MinCompose = 5 << 20
	MaxCompose = 10_000
)

// KeyLetters are the letters of keys, all equally likely at every position.
const KeyLetters = "abcdefghijklmnopqrstuvwxyz234567"

const (
	keyBytes = 20
	keySize  = keyBytes * 8 / 5
)

var keyEncoding = base32.NewEncoding(KeyLetters).WithPadding(base32.NoPadding)

// NewKey makes a key of 160 random bits: 32 lower-case letters and digits, which
// can be a file name everywhere.
func NewKey() string {
	var b [keyBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return keyEncoding.EncodeToString(b[:])
}

// ValidKey tells whether NewKey can have made key. Stores check it before they
// use a key in a path.
func ValidKey(key string) bool {
	return len(key) == keySize && strings.Trim(key, KeyLetters) == ""
}

// ErrNotFound is what stores return for a key without a blob.
func ErrNotFound(key string) error {
	return actions.Errorf(actions.NotFound, "blob %.64q not found", key)
}

// ErrTooLarge is what Put returns for a blob of more than limit bytes.
func ErrTooLarge(limit int64) error {
	return actions.Errorf(actions.Invalid, "more than the limit of %d bytes", limit)
}

// ErrSize is what Put returns for a blob whose length is not the declared one.
func ErrSize(declared int64) error {
	return actions.Errorf(actions.Malformed, "not the declared length of %d bytes", declared)
}
