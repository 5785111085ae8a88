// Package fs keeps blobs in a directory.
//
//	DIR/a/abcd…       a blob of more than 32 KiB: a file whose name is its key,
//	                  in the directory named for the first letter
//	DIR/packs/abcd…   a pack: many blobs of up to 32 KiB, one after the other
//	DIR/tmp/…         files that have no name yet; after a crash, nobody's
//
// A large blob is written to DIR/tmp, flushed, and renamed; then the directory is
// flushed. So a file under its final name is whole. A relaxed one is renamed
// without waiting for the disk, which is told to begin writing early, so that
// Flush finds little left to do.
//
// # Packs
//
// A file of its own costs a small blob two flushes. So a process appends small
// blobs to its pack, one at a time, and all who wait for the disk share a flush:
// whoever comes while one is under way is served by the next. A key names the
// pack, the offset in it, the length, and 72 random bits that the record holds too.
//
// A pack begins with a block of 64 bytes (magic, and whether it is sealed), and
// so does each record in it (see header): length, time, checksums, and whether it
// lives. Records begin at multiples of 64, so that no header straddles two
// sectors. A deleted record is overwritten with zeros, all but its header, before
// Delete returns. Nothing else is ever written to what a pack already holds.
//
// The process that appends to a pack holds a lock on the file for as long, even
// before the file has its name; nobody else appends, and after a restart nobody
// does. A pack that is full is flushed and sealed. One that is not sealed and
// not locked was left by a crash: [Store.Sweep] cuts it behind the last record
// that is whole. That takes nothing which Put has promised, as records reach the
// disk in order: a flush covers all that stand before. Sweep also joins dead
// neighbours in sealed packs, gives their space back to the file system, and
// removes a pack without a living record.
//
// Several processes may use one directory, each with a pack of its own.
package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/understudy-ci/understudy/internal/blob"
)

const (
	tmpDir     = "tmp"
	packDir    = "packs"
	shardSize  = 1 // letters of a key that name its directory
	bufferSize = 128 << 10
)

// Options of a Store.
type Options struct {
	Now    func() time.Time // required: small blobs carry the time at which they were put
	NoSync bool             // tests only: never wait for the disk
}

// A Store is a directory of blobs. Several processes may use one directory.
type Store struct {
	dir     string
	now     func() time.Time
	noSync  bool
	buffers sync.Pool // of *[]byte

	appending chan struct{}        // full while somebody appends to the pack or changes it for another
	pack      atomic.Pointer[pack] // the one that takes small blobs; nil before the first

	mu      sync.Mutex
	known   map[string]*census // by name of the pack
	spoiled map[string]error   // files and packs, by name, that a flush has failed
}

var (
	_ blob.Store    = (*Store)(nil)
	_ blob.Volatile = (*Store)(nil)
)

// New opens the directory dir and makes it (0700) if it is not there.
func New(dir string, o Options) (*Store, error) {
	if o.Now == nil {
		return nil, errors.New("blobs: Options.Now is not set")
	}
	for _, name := range append(strings.Split(blob.KeyLetters, ""), tmpDir, packDir) {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, fmt.Errorf("blobs: %w", err)
		}
	}
	s := &Store{dir: dir, now: o.Now, noSync: o.NoSync, appending: make(chan struct{}, 1), known: map[string]*census{}, spoiled: map[string]error{}}
	s.buffers.New = func() any { return new(make([]byte, bufferSize)) }
	if err := s.sync(dir); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	return s, nil
}

// Close seals the pack of this process. Without it, the next Sweep of another
// process does so. A Put that comes later begins a new pack.
func (s *Store) Close() error {
	s.appending <- struct{}{}
	defer func() { <-s.appending }()
	return s.retire()
}

// Booted implements [blob.Volatile].
func (s *Store) Booted() time.Time {
	up := uptime()
	if up == 0 {
		return time.Time{}
	}
	return s.now().Add(-up)
}

// Put implements [blob.Store].
func (s *Store) Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	info, err := s.put(ctx, r, o)
	if err != nil {
		return blob.Info{}, fmt.Errorf("blob: %w", full(err))
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	if o.Size > o.Limit {
		return blob.Info{}, blob.ErrTooLarge(o.Limit)
	}
	buf, _ := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	start := (*buf)[headerSize : headerSize+smallMax+1]
	n, whole, err := readStart(ctx, r, start, o.Limit)
	switch {
	case err != nil:
		return blob.Info{}, err
	case !whole:
		return s.putFile(ctx, start[:n], r, o)
	case o.Size > 0 && int64(n) != o.Size:
		return blob.Info{}, blob.ErrSize(o.Size)
	}
	return s.putSmall(ctx, *buf, n, o.Relaxed)
}

// readStart fills p, or reads r to its end: then the blob is whole.
func readStart(ctx context.Context, r io.Reader, p []byte, limit int64) (n int, whole bool, err error) {
	for n < len(p) {
		if err := ctx.Err(); err != nil {
			return n, false, err
		}
		more, err := r.Read(p[n:])
		if n += more; int64(n) > limit {
			return n, false, blob.ErrTooLarge(limit)
		}
		if err == io.EOF {
			return n, n <= smallMax, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// Open implements [blob.Store].
func (s *Store) Open(_ context.Context, key string) (blob.Object, error) {
	if at, ok := parseLocation(key); ok {
		return s.openSmall(key, at)
	}
	if blob.ValidKey(key) {
		return s.openFile(key)
	}
	return nil, blob.ErrNotFound(key)
}

// Delete implements [blob.Store]. Power loss may bring the blob back, without
// a row.
func (s *Store) Delete(_ context.Context, key string) error {
	if at, ok := parseLocation(key); ok {
		return s.deleteSmall(at)
	}
	if !blob.ValidKey(key) {
		return nil
	}
	s.mu.Lock()
	delete(s.spoiled, key)
	s.mu.Unlock()
	return remove(s.path(key))
}

// remove removes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List implements [blob.Store].
func (s *Store) List(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		for _, letter := range blob.KeyLetters {
			if !listShard(ctx, filepath.Join(s.dir, string(letter)), yield) {
				return
			}
		}
		s.listPacks(ctx, yield)
	}
}

// Sweep implements [blob.Store].
func (s *Store) Sweep(ctx context.Context, before time.Time) error {
	if err := s.sweepTmp(ctx, before); err != nil {
		return err
	}
	return s.sweepPacks(ctx)
}

func (s *Store) sweepTmp(ctx context.Context, before time.Time) error {
	dir := filepath.Join(s.dir, tmpDir)
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := f.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue // gone already, or still being written
		}
		if err := remove(filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// sync flushes a file, or the names in a directory.
func (s *Store) sync(path string) error {
	if s.noSync {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// full makes an error of a full disk, or of too many open files, Unavailable.
func full(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return blob.Unavailable("no space left for blobs", err)
	case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
		return blob.Unavailable("too many files are open", err)
	}
	return err
}
