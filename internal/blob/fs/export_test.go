package fs

import (
	"errors"
	"os"
)

// Crash lets go of the pack as a process does that is killed.
func (s *Store) Crash() error {
	p := s.pack.Swap(nil)
	return p.file.Close()
}

// PackMax is how long packs become.
const PackMax = packMax

// Reencode reads the key of a small blob and writes it again.
func Reencode(key string) (string, bool) {
	at, ok := parseLocation(key)
	return at.key(), ok
}

// LateDelete finds a small blob as Delete does, and returns what then deletes it.
func (s *Store) LateDelete(key string) (func() error, error) {
	at, _ := parseLocation(key)
	f, err := os.OpenFile(s.packPath(at.Pack), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, bufferSize)
	h, err := readRecord(f, buf[:headerSize], at)
	return func() error { return errors.Join(kill(f, buf, h, int64(at.Offset)), f.Close()) }, err
}

// FailFlush makes the pack what it is after a flush that the disk has failed.
func (s *Store) FailFlush() {
	p := s.pack.Load()
	p.failed = errors.New("input/output error")
	p.broken.Store(true)
}
