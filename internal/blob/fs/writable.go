package fs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Writable implements [blob.Store].
func (s *Store) Writable(context.Context) error {
	return Writable(filepath.Join(s.dir, tmpDir))
}

// Writable says whether a file in a directory can have content. It writes one, and
// removes it.
func Writable(dir string) error {
	const page = 4096 // the least that a file system gives
	name := filepath.Join(dir, ".probe")
	err := os.WriteFile(name, make([]byte, page), 0o600)
	if removal := os.Remove(name); !errors.Is(removal, fs.ErrNotExist) { // another process may have
		err = errors.Join(err, removal)
	}
	if err != nil {
		return fmt.Errorf("write: %w", full(err))
	}
	return nil
}
