package fs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/understudy-ci/understudy/internal/blob"
)

const (
	ahead = 8 << 20 // is written to a file before the disk is told to begin

	// A file's space is allocated before its bytes: that costs a third of what it
	// costs with each write. It is some times what has come, and not what was
	// declared: who declares much and sends little takes little.
	leastSpace = 1 << 20
	moreSpace  = 4
)

func (s *Store) shard(key string) string { return filepath.Join(s.dir, key[:shardSize]) }
func (s *Store) path(key string) string  { return filepath.Join(s.dir, key[:shardSize], key) }

// putFile writes a blob, of which start has been read, to a file of its own.
func (s *Store) putFile(ctx context.Context, start []byte, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	durable := !s.noSync && !o.Relaxed
	name, info, err := s.writeFile(ctx, start, r, o, durable)
	if err != nil {
		return blob.Info{}, err
	}
	if err := s.publish(name, info.Key, durable); err != nil {
		return blob.Info{}, err
	}
	return info, nil
}

// writeFile makes a file in the temporary directory.
func (s *Store) writeFile(ctx context.Context, start []byte, r io.Reader, o blob.PutOptions, durable bool) (name string, info blob.Info, err error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, tmpDir), "put-") // 0600
	if err != nil {
		return "", info, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(f.Name()) // and if that fails, Sweep finds it
		}
	}()
	w := &writer{file: f, eager: !s.noSync, declared: o.Size}
	if err := s.copy(ctx, w, start, r, o); err != nil {
		return "", info, err
	}
	if durable {
		if err := f.Sync(); err != nil {
			return "", info, err
		}
	}
	stat, err := f.Stat()
	if err != nil {
		return "", info, err
	}
	return f.Name(), blob.Info{Key: blob.NewKey(), Size: w.size, ModTime: stat.ModTime()}, nil
}

func (s *Store) copy(ctx context.Context, w *writer, start []byte, r io.Reader, o blob.PutOptions) error {
	if _, err := w.Write(start); err != nil {
		return err
	}
	buf, _ := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(*buf)
		switch size := w.size + int64(n); {
		case size > o.Limit:
			return blob.ErrTooLarge(o.Limit)
		case o.Size > 0 && size > o.Size:
			return blob.ErrSize(o.Size)
		}
		if _, err := w.Write((*buf)[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return w.finish(o.Size)
		}
		if err != nil {
			return err
		}
	}
}

// A writer writes a file and lets the disk begin before the end.
type writer struct {
	file       *os.File
	eager      bool
	declared   int64 // bytes, 0 when unknown
	size, sent int64 // written; told to the disk
	space      int64 // allocated
}

func (w *writer) Write(p []byte) (int, error) {
	if need := w.size + int64(len(p)); need > w.space && w.space < w.declared {
		space := min(w.declared, max(leastSpace, moreSpace*need))
		allocate(w.file, w.space, space-w.space)
		w.space = space
	}
	n, err := w.file.Write(p)
	w.size += int64(n)
	if w.size-w.sent >= ahead {
		w.send()
	}
	return n, err
}

func (w *writer) send() {
	if w.eager {
		startWriting(w.file, w.sent, w.size-w.sent)
	}
	w.sent = w.size
}

// finish ends a blob of which declared bytes were expected, if not 0.
func (w *writer) finish(declared int64) error {
	if declared > 0 && w.size != declared {
		return blob.ErrSize(declared)
	}
	w.send()
	return nil
}

// publish gives the file its final name, or removes it.
func (s *Store) publish(name, key string, durable bool) error {
	err := os.Rename(name, s.path(key))
	if err == nil && durable {
		name, err = s.path(key), s.sync(s.shard(key))
	}
	if err != nil {
		_ = os.Remove(name) // and if that fails, Sweep finds it, or who looks for blobs without a row
	}
	return err
}

// A file is an open blob. Because it has [syscall.Conn] of [os.File], io.CopyN to
// a connection, or to the answer of an HTTP server, is done by the kernel.
type file struct {
	*os.File
	size int64
}

var _ syscall.Conn = (*file)(nil)

func (f *file) Size() int64 { return f.size }

func (s *Store) openFile(key string) (blob.Object, error) {
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
	return &file{f, info.Size()}, nil
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
