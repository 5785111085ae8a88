// Package fs keeps blobs as files of a directory.
//
// A blob is written to DIR/tmp, flushed, and renamed to DIR/a/abcd…, where "a" is
// the first letter of its key; then that directory is flushed. So a file under its
// final name is whole, and what a crash leaves in DIR/tmp belongs to nobody.
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
	"syscall"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
)

const (
	tmpDir     = "tmp"
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
	noSync  bool
	buffers sync.Pool // of *[]byte
}

var _ blob.Store = (*Store)(nil)

// New opens the directory dir and makes it (0700) if it is not there.
func New(dir string, o Options) (*Store, error) {
	if o.Now == nil {
		return nil, errors.New("blobs: Options.Now is not set")
	}
	for _, name := range append(strings.Split(blob.KeyLetters, ""), tmpDir) {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, fmt.Errorf("blobs: %w", err)
		}
	}
	s := &Store{dir: dir, noSync: o.NoSync}
	s.buffers.New = func() any { return new(make([]byte, bufferSize)) }
	if err := s.sync(dir); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	return s, nil
}

func (s *Store) shard(key string) string { return filepath.Join(s.dir, key[:shardSize]) }
func (s *Store) path(key string) string  { return filepath.Join(s.dir, key[:shardSize], key) }

// Put implements [blob.Store].
func (s *Store) Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	key := blob.NewKey()
	durable := !s.noSync && !o.Relaxed
	name, size, modTime, err := s.write(ctx, r, o.Limit, durable)
	if err == nil && o.Size > 0 && size != o.Size {
		err = errors.Join(blob.ErrSize(o.Size), os.Remove(name))
	}
	if err == nil {
		if err = s.publish(name, key, durable); err != nil {
			_ = os.Remove(name) // and if that fails, Sweep finds it
		}
	}
	if err != nil {
		return blob.Info{}, fmt.Errorf("blob %s: %w", key, full(err))
	}
	return blob.Info{Key: key, Size: size, ModTime: modTime}, nil
}

// Flush implements [blob.Store].
func (s *Store) Flush(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := s.flush(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) flush(ctx context.Context, key string) error {
	o, err := s.Open(ctx, key)
	if err != nil {
		return err
	}
	f, _ := o.(*object)
	return errors.Join(f.Sync(), f.Close(), s.sync(s.shard(key)))
}

// write copies r to a new file in the temporary directory.
func (s *Store) write(ctx context.Context, r io.Reader, limit int64, durable bool) (name string, size int64, modTime time.Time, err error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, tmpDir), "put-") // 0600
	if err != nil {
		return "", 0, modTime, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(f.Name()) // and if that fails, Sweep finds it
		}
	}()
	if size, err = s.copy(ctx, f, r, limit); err == nil && durable {
		err = f.Sync()
	}
	if info, e := f.Stat(); e == nil {
		modTime = info.ModTime()
	}
	return f.Name(), size, modTime, err
}

func (s *Store) copy(ctx context.Context, w io.Writer, r io.Reader, limit int64) (size int64, err error) {
	buf, _ := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	for {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		n, err := r.Read(*buf)
		if size += int64(n); size > limit {
			return size, blob.ErrTooLarge(limit)
		}
		if _, err := w.Write((*buf)[:n]); err != nil {
			return size, err
		}
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// publish gives the file its final name.
func (s *Store) publish(name, key string, durable bool) error {
	if err := os.Rename(name, s.path(key)); err != nil || !durable {
		return err
	}
	return s.sync(s.shard(key))
}

// sync flushes a directory: the names in it, not the files.
func (s *Store) sync(dir string) error {
	if s.noSync {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// full makes an error of a full disk Unavailable.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return actions.Errorf(actions.Unavailable, "no space left for blobs: %w", err)
	}
	return err
}

// An object is an open file. The methods of the file let the kernel copy it
// to a connection.
type object struct {
	*os.File
	size int64
}

func (o *object) Size() int64 { return o.size }

// Open implements [blob.Store].
func (s *Store) Open(_ context.Context, key string) (blob.Object, error) {
	if !blob.ValidKey(key) {
		return nil, blob.ErrNotFound(key)
	}
	f, err := os.Open(s.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.ErrNotFound(key)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &object{f, info.Size()}, nil
}

// Delete implements [blob.Store]. Power loss may bring the blob back, without
// a row.
func (s *Store) Delete(_ context.Context, key string) error {
	if !blob.ValidKey(key) {
		return nil
	}
	if err := os.Remove(s.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
	}
}

func listShard(ctx context.Context, dir string, yield func(blob.Info, error) bool) (more bool) {
	files, err := os.ReadDir(dir)
	if err != nil {
		yield(blob.Info{}, err)
		return false
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			yield(blob.Info{}, err)
			return false
		}
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) || !blob.ValidKey(f.Name()) {
			continue // deleted meanwhile, or not ours
		}
		if err != nil {
			yield(blob.Info{}, err)
			return false
		}
		if !yield(blob.Info{Key: f.Name(), Size: info.Size(), ModTime: info.ModTime()}, nil) {
			return false
		}
	}
	return true
}

// Sweep implements [blob.Store].
func (s *Store) Sweep(ctx context.Context, before time.Time) error {
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
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
