package fs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/blob"
)

var (
	errStop    = errors.New("stop") // ends a walk
	errDamaged = errors.New("damaged")
)

// walk calls fn for each record of a pack, in order. It ends where no whole
// record begins, and returns that offset.
func walk(f *os.File, fn func(offset int64, h header) error) (end int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var b [headerSize]byte
	section := func(from int64) io.Reader { return io.NewSectionReader(f, from, info.Size()-from) }
	r := bufio.NewReaderSize(section(headerSize), bufferSize)
	for offset := int64(headerSize); ; {
		if _, err := io.ReadFull(r, b[:]); err == io.EOF || err == io.ErrUnexpectedEOF {
			return offset, nil
		} else if err != nil {
			return offset, err
		}
		h, ok := decodeHeader(b[:], offset)
		next := offset + int64(h.space)
		if !ok || next > info.Size() {
			return offset, nil
		}
		if err := fn(offset, h); err != nil {
			return offset, err
		}
		if rest := int(h.space) - headerSize; rest <= r.Buffered() {
			_, _ = r.Discard(rest) // cannot fail
		} else {
			r.Reset(section(next))
		}
		offset = next
	}
}

// packs calls fn for each pack.
func (s *Store) packs(ctx context.Context, fn func(packID) error) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, packDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		id, ok := parsePackID(e.Name())
		if !ok {
			continue // not ours
		}
		if err := fn(id); err != nil {
			return err
		}
	}
	return nil
}

func parsePackID(name string) (id packID, ok bool) {
	b, err := keyEncoding.DecodeString(name)
	copy(id[:], b)
	return id, err == nil && len(b) == len(id) && strings.Trim(name, blob.KeyLetters) == ""
}

// listPacks yields all small blobs, and then what damage it met.
func (s *Store) listPacks(ctx context.Context, yield func(blob.Info, error) bool) {
	var damage error
	err := s.packs(ctx, func(id packID) error {
		err := s.listPack(ctx, id, yield)
		if errors.Is(err, errDamaged) {
			damage, err = errors.Join(damage, err), nil
		}
		return err
	})
	if errors.Is(err, errStop) {
		return
	}
	if err = errors.Join(err, damage); err != nil {
		yield(blob.Info{}, err)
	}
}

// tries is how often a pack is walked whose end is not where it must be.
const tries = 3

func (s *Store) listPack(ctx context.Context, id packID, yield func(blob.Info, error) bool) (err error) {
	f, err := os.Open(s.packPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sealed, err := isSealed(f)
	if err != nil {
		return err
	}
	var seen, alive int64
	for range tries { // a Sweep may have joined records under our feet
		end, err := walk(f, func(offset int64, h header) error {
			switch {
			case h.dead || offset <= seen:
				return nil
			case ctx.Err() != nil:
				return ctx.Err()
			case !yield(h.info(id, offset), nil):
				return errStop
			}
			seen, alive = offset, alive+int64(h.space)
			return nil
		})
		if err != nil {
			return err
		}
		whole, err := endsAt(f, end)
		if err != nil {
			return err
		}
		if whole && sealed && alive == 0 {
			s.empty(id)
		}
		if whole || !sealed {
			return nil
		}
	}
	return fmt.Errorf("pack %s: %w after byte %d", id.name(), errDamaged, seen)
}

func endsAt(f *os.File, end int64) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	return info.Size() == end, nil
}

// isSealed tells whether a pack has all its records.
func isSealed(f *os.File) (bool, error) {
	var b [headerSize]byte
	if _, err := f.ReadAt(b[:], 0); err != nil && err != io.EOF {
		return false, err
	}
	sealed, ok := decodePackHeader(b[:])
	return sealed && ok, nil
}
