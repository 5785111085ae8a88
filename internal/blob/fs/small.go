package fs

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/understudy-ci/understudy/internal/blob"
)

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// A small is an open small blob. It has been read whole, so that deleting the
// blob does not change it.
type small struct{ *bytes.Reader }

func (small) Close() error { return nil }

// openSmall reads a small blob.
func (s *Store) openSmall(key string, at location) (blob.Object, error) {
	f, err := os.Open(s.packPath(at.Pack))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.ErrNotFound(key)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, headerSize+int(at.Size))
	h, err := readRecord(f, b, at)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", key, err)
	}
	if !h.matches(at) {
		return nil, blob.ErrNotFound(key)
	}
	if content := b[headerSize:]; sum(content) == h.sum {
		return small{bytes.NewReader(content)}, nil
	}
	// Deleted while it was being read?
	if h, err = readRecord(f, b[:headerSize], at); err == nil && h.matches(at) {
		err = fmt.Errorf("blob %s is damaged", key)
	} else if err == nil {
		err = blob.ErrNotFound(key)
	}
	return nil, err
}

// readRecord fills b from a location. The header is dead if there is no record.
func readRecord(f *os.File, b []byte, at location) (header, error) {
	if _, err := f.ReadAt(b, int64(at.Offset)); err == io.EOF {
		return header{dead: true}, nil
	} else if err != nil {
		return header{}, err
	}
	h, ok := decodeHeader(b, int64(at.Offset))
	if !ok {
		return header{dead: true}, nil
	}
	return h, nil
}

// deleteSmall overwrites a small blob with zeros.
func (s *Store) deleteSmall(at location) (err error) {
	f, err := os.OpenFile(s.packPath(at.Pack), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf, _ := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	h, err := readRecord(f, (*buf)[:headerSize], at)
	if err != nil || !h.is(at) {
		return err
	}
	if err := kill(f, *buf, h, int64(at.Offset)); err != nil {
		return err
	}
	if !h.dead { // else a Delete that was killed had begun
		s.died(at.Pack, int64(h.space))
	}
	return nil
}

// kill makes the record at offset dead and overwrites its blob, with buf's help.
// It leaves the rest of the header alone, which Sweep may have made one of more
// records since it was read, and does not make the pack longer, the end of which
// power loss may have taken.
func kill(f *os.File, buf []byte, h header, offset int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte{dead}, offset+stateByte); err != nil {
		return err
	}
	content := buf[headerSize:max(headerSize, min(int64(h.space), info.Size()-offset))]
	clear(content)
	_, err = f.WriteAt(content, offset+headerSize)
	return err
}
