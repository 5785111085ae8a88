package fs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/blob"
)

// flushers is how many files are flushed at a time. The file system makes one
// transaction of them.
const flushers = 16

// Flush implements [blob.Store]: it flushes each file and each pack once, and
// then each directory that has one of the files.
func (s *Store) Flush(ctx context.Context, keys ...string) error {
	packs, shards := map[packID]int64{}, map[string]bool{}
	files, ctx := errgroup.WithContext(ctx)
	files.SetLimit(flushers)
	for _, key := range keys {
		switch at, ok := parseLocation(key); {
		case ok:
			packs[at.Pack] = max(packs[at.Pack], int64(at.Offset)+spaceOf(int(at.Size)))
		case !blob.ValidKey(key):
			return errors.Join(blob.ErrNotFound(key), files.Wait())
		case !shards[s.shard(key)]:
			shards[s.shard(key)] = true
			fallthrough
		default:
			files.Go(func() error { return s.flush(ctx, s.path(key)) })
		}
	}
	for id, end := range packs {
		files.Go(func() error {
			if p := s.pack.Load(); p != nil && p.id == id && !s.noSync {
				return p.sync(ctx, end)
			}
			return s.flush(ctx, s.packPath(id))
		})
	}
	if err := files.Wait(); err != nil {
		return full(err)
	}
	var dirs errgroup.Group
	dirs.SetLimit(flushers)
	for dir := range shards {
		dirs.Go(func() error { return s.sync(dir) })
	}
	return full(dirs.Wait())
}

// flush flushes a file.
func (s *Store) flush(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil || s.noSync {
		return err
	}
	name := filepath.Base(path)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return blob.ErrNotFound(name)
	}
	if err != nil {
		return err
	}
	if err = s.spoil(name, nil); err == nil {
		err = s.spoil(name, f.Sync())
	}
	return errors.Join(err, f.Close())
}

// spoil remembers that a flush of a file has failed, and tells of it: the kernel
// does so once, and after that calls clean what it could not write.
func (s *Store) spoil(name string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.spoiled[name] = err
	}
	return s.spoiled[name]
}
