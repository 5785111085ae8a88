package fs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/understudy-ci/understudy/internal/blob"
)

// A pack is the file to which this process appends small blobs.
type pack struct {
	id   packID
	file *os.File // locked: see create

	written atomic.Int64 // the end of the last whole record; set by who appends
	alive   atomic.Int64 // bytes of records that live
	broken  atomic.Bool  // takes no more: see failed

	syncing chan struct{} // full while somebody flushes; guards what follows
	synced  int64         // all before is on the disk
	failed  error         // of a flush; no later one can be trusted
}

func (s *Store) packPath(id packID) string { return filepath.Join(s.dir, packDir, id.name()) }

// putSmall keeps the n bytes of buf behind the room for a header.
func (s *Store) putSmall(ctx context.Context, buf []byte, n int, relaxed bool) (blob.Info, error) {
	at, now := newLocation(n), s.now()
	h := header{size: uint32(n), space: uint32(spaceOf(n)), time: now.UnixMicro(), tag: at.Tag, sum: sum(buf[headerSize : headerSize+n])}
	record := buf[:h.space]
	clear(record[headerSize+n:])
	p, offset, err := s.append(ctx, &h, record)
	if err != nil {
		return blob.Info{}, err
	}
	at.Pack, at.Offset = p.id, uint32(offset)
	if !relaxed && !s.noSync {
		if err := p.sync(ctx, offset+int64(h.space)); err != nil {
			return blob.Info{}, errors.Join(err, s.deleteSmall(at))
		}
	}
	return blob.Info{Key: at.key(), Size: int64(n), ModTime: now}, nil
}

// append adds a record, whose header is still to be written, to the pack.
func (s *Store) append(ctx context.Context, h *header, record []byte) (*pack, int64, error) {
	select {
	case s.appending <- struct{}{}:
		defer func() { <-s.appending }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	p, err := s.packFor(int64(len(record)))
	if err != nil {
		return nil, 0, err
	}
	offset := p.written.Load()
	h.encode(record, offset)
	if _, err := p.file.WriteAt(record, offset); err != nil {
		if e := p.file.Truncate(offset); e != nil { // then no record may follow
			err = errors.Join(err, e, s.abandon(p))
		}
		return nil, 0, err
	}
	p.written.Add(int64(len(record)))
	p.alive.Add(int64(len(record)))
	return p, offset, nil
}

// packFor returns a pack with room for n bytes.
func (s *Store) packFor(n int64) (*pack, error) {
	p := s.pack.Load()
	if p != nil && p.written.Load()+n <= packMax && !p.broken.Load() {
		return p, nil
	}
	if err := s.retire(); err != nil {
		return nil, err
	}
	p, err := s.create()
	if err != nil {
		return nil, fmt.Errorf("new pack: %w", err)
	}
	s.pack.Store(p)
	return p, nil
}

// create makes a pack. It is locked before it has its name: what is in the
// directory of packs and not locked has no writer.
func (s *Store) create() (_ *pack, err error) {
	p := &pack{syncing: make(chan struct{}, 1)}
	_, _ = rand.Read(p.id[:]) // never fails
	p.file, err = os.CreateTemp(filepath.Join(s.dir, tmpDir), "pack-")
	if err != nil {
		return nil, err
	}
	name := p.file.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, p.file.Close())
			_ = os.Remove(name) // and if that fails, Sweep finds it
		}
	}()
	if err := lock(p.file); err != nil {
		return nil, err
	}
	if _, err := p.file.WriteAt(packHeader(false), 0); err != nil {
		return nil, err
	}
	p.written.Store(headerSize)
	if err := os.Rename(name, s.packPath(p.id)); err != nil {
		return nil, err
	}
	name = s.packPath(p.id)
	return p, s.sync(filepath.Join(s.dir, packDir))
}

// lock takes the lock of a pack's writer, if nobody has it.
func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// sync returns once all before end is on the disk. Who waits while a flush is
// under way is served by the next, together with all others who wait.
func (p *pack) sync(ctx context.Context, end int64) error {
	select {
	case p.syncing <- struct{}{}:
		defer func() { <-p.syncing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.failed != nil || p.synced >= end {
		return p.failed
	}
	written := p.written.Load()
	if p.failed = p.file.Sync(); p.failed == nil {
		p.synced = written
	}
	p.broken.Store(p.failed != nil)
	return p.failed
}

// retire flushes and seals the pack of this process, if it has one. The caller
// is the one who appends.
func (s *Store) retire() error {
	p := s.pack.Load()
	switch {
	case p == nil:
		return nil
	case p.broken.Load():
		return s.abandon(p)
	case !s.noSync:
		if err := p.sync(context.Background(), p.written.Load()); err != nil {
			return errors.Join(err, s.abandon(p))
		}
	}
	// Not flushed: without the seal the pack is cut after its last record.
	_, err := p.file.WriteAt(packHeader(true), 0)
	return errors.Join(err, s.abandon(p))
}

// abandon lets go of the pack. Who still waits for a flush has it, or an error.
func (s *Store) abandon(p *pack) error {
	p.syncing <- struct{}{}
	defer func() { <-p.syncing }()
	if p.failed == nil && p.synced < p.written.Load() && !s.noSync {
		p.failed = p.file.Sync()
		p.synced = p.written.Load()
	}
	_ = s.spoil(p.id.name(), p.failed) // for those who come to Flush once it is not the pack
	s.pack.Store(nil)
	return p.file.Close()
}
