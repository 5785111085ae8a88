package gitrepo

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncTree makes all files and directories below root durable.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		return syncDir(path) // the same calls, for a file
	})
}

// keepFile sees to it that a file is as it should be. It writes nothing if it is:
// on a full disk that would fail.
func keepFile(path string, data []byte, mode fs.FileMode) error {
	have, err := os.ReadFile(path)
	info, serr := os.Lstat(path)
	if err == nil && serr == nil && bytes.Equal(have, data) && info.Mode() == mode {
		return nil
	}
	return replaceFile(path, data, mode)
}

// replaceFile replaces a file as a whole, durably once its directory is
// synced.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(filepath.Dir(path)), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
