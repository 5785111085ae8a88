package archive

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// RemoveAll removes path even when directories in it are read-only, as caches
// of modules are.
func RemoveAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			return nil
		}
		return os.Chmod(p, 0o700)
	}) // what is still in the way, RemoveAll names
	return os.RemoveAll(path)
}
