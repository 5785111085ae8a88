package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// readFile reads a file of at most so many bytes; "-" is standard input. The error names
// the file. A directory, a device or a socket is none; of a pipe what comes is read.
func readFile(path string, stdin io.Reader, most int64) ([]byte, error) {
	if path == "-" {
		return readAll("standard input", stdin, most)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, plainError(path, err)
	}
	if mode := info.Mode(); !mode.IsRegular() && mode&fs.ModeNamedPipe == 0 {
		return nil, notAFile(path, mode)
	}
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, plainError(path, err)
	}
	defer f.Close()
	return readAll(path, f, most)
}

func readAll(name string, from io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, most+1))
	switch {
	case err != nil:
		return nil, plainError(name, err)
	case int64(len(text)) > most:
		return nil, fmt.Errorf("%s: larger than %d KiB", printable(name), most>>10)
	}
	return text, nil
}

func notAFile(path string, mode fs.FileMode) error {
	if mode.IsDir() {
		return fmt.Errorf("%s: is a directory, not a file", printable(path))
	}
	return fmt.Errorf("%s: is not a regular file", printable(path))
}

// plainError says what happened to a file, without the name of a system call.
func plainError(path string, err error) error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		err = inner.Err
	}
	return fmt.Errorf("%s: %w", printable(path), err)
}
