// Package blob keeps bytes by name: logs, summaries, parts of artifacts and caches.
//
// A blob is written once, whole, and never changed; its key is made here and not
// by users ([NewKey]), so that no name from outside becomes a path. A row in the
// store gives it a meaning: a writer puts the blob first and then commits the row, so
// whoever finds a key in a row finds the blob. A blob without a row is garbage, to
// be found by [Store.List] once it is too old to be waiting for its row.
//
// Package fs keeps blobs in a directory; blobtest is the suite for every Store.
package blob

import (
	"context"
	"encoding/base32"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Store keeps blobs. It is safe for concurrent use. A full disk or an
// unreachable server is Unavailable; a key that NewKey cannot have made is
// NotFound to readers and an error to writers.
type Store interface {
	// Put reads r to its end and keeps what it read under key. When it returns
	// without error the blob survives power loss, unless o.Relaxed; with an
	// error, of r or ctx for example, no part of the blob is visible.
	Put(ctx context.Context, key string, r io.Reader, o PutOptions) (size int64, err error)

	// Open returns the blob for reading, NotFound if there is none. The caller
	// closes it.
	Open(ctx context.Context, key string) (Object, error)

	// Delete removes a blob. One that is not there is no error. Who has it open
	// may go on reading.
	Delete(ctx context.Context, key string) error

	// List yields all blobs in no particular order. It ends after an error.
	List(ctx context.Context) iter.Seq2[Info, error]

	// Sweep removes what Puts that never ended have left before the given time.
	Sweep(ctx context.Context, before time.Time) error
}

// PutOptions say how a blob is written.
type PutOptions struct {
	Limit   int64 // a longer blob is Invalid and not kept; nothing is unlimited
	Relaxed bool  // do not wait for the disk: power loss may take the blob
}

// An Object is an open blob.
type Object interface {
	io.ReadSeekCloser
	Size() int64
}

// Info describes a blob in a list.
type Info struct {
	Key     string
	Size    int64
	ModTime time.Time // when it was put
}

// KeyLetters are the letters of keys, all equally likely at every place.
const KeyLetters = "abcdefghijklmnopqrstuvwxyz234567"

const (
	keyBytes = 20
	keySize  = keyBytes * 8 / 5
)

var keyEncoding = base32.NewEncoding(KeyLetters).WithPadding(base32.NoPadding)

// NewKey makes a key of 160 bits from random: 32 lower-case letters and digits,
// which can be a file name everywhere. Keys cannot be guessed.
func NewKey(random io.Reader) (string, error) {
	var b [keyBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return keyEncoding.EncodeToString(b[:]), nil
}

// ValidKey tells whether NewKey can have made key. Stores check it before they
// use a key in a path.
func ValidKey(key string) bool {
	return len(key) == keySize && strings.Trim(key, KeyLetters) == ""
}

// ErrNotFound is what Open returns for a key without a blob.
func ErrNotFound(key string) error {
	return actions.Errorf(actions.NotFound, "blob %.64q not found", key)
}

// ErrTooLarge is what Put returns for a blob of more than limit bytes.
func ErrTooLarge(limit int64) error {
	return actions.Errorf(actions.Invalid, "more than the limit of %d bytes", limit)
}
