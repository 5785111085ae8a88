package runner

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

const (
	maxArchive = 4 << 30 // bytes of all files
	maxEntries = 1 << 20
)

// errArchive says that an archive is not what it should be. What is cut short
// is not among it: that may be the connection.
var errArchive = errors.New("bad archive")

// unpack unpacks a gzipped tar into dir without the one directory at its top.
// Nothing is written outside dir, whatever the names and links in it say.
func unpack(r io.Reader, dir string) error {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return archiveError(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	defer root.Close()
	u := unpacker{root: root, left: maxArchive, made: map[string]bool{".": true}}
	tr := tar.NewReader(zr)
	for range maxEntries {
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return archiveError(err)
		}
		if err := u.entry(h, tr); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	return fmt.Errorf("%w: too many entries", errArchive)
}

func archiveError(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return fmt.Errorf("%w: %w", errArchive, err)
	}
	return err
}

type unpacker struct {
	root *os.Root
	left int64
	made map[string]bool // directories that exist
	top  string          // the one directory
}

func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // git archive writes the commit's id there
	}
	name := path.Clean(h.Name)
	top, name, inside := strings.Cut(name, "/")
	switch {
	case u.top == "":
		u.top = top
	case u.top != top:
		return fmt.Errorf("%w: more than one directory at the top", errArchive)
	}
	if !inside {
		if h.Typeflag != tar.TypeDir {
			return fmt.Errorf("%w: a file at the top", errArchive)
		}
		return nil
	}
	if !fs.ValidPath(name) {
		return fmt.Errorf("%w: not a path", errArchive)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.mkdir(name)
	case tar.TypeReg:
		return u.file(name, h, r)
	case tar.TypeSymlink:
		return u.link(name, h.Linkname)
	}
	return fmt.Errorf("%w: entry of type %q", errArchive, h.Typeflag)
}

func (u *unpacker) mkdir(name string) error {
	if u.made[name] {
		return nil
	}
	if err := u.root.MkdirAll(name, 0o755); err != nil {
		return fmt.Errorf("%w: %w", errArchive, err)
	}
	u.made[name] = true
	return nil
}

func (u *unpacker) file(name string, h *tar.Header, r io.Reader) error {
	if u.left -= h.Size; u.left < 0 {
		return fmt.Errorf("%w: larger than %d GiB", errArchive, maxArchive>>30)
	}
	if err := u.mkdir(path.Dir(name)); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if h.Mode&0o111 != 0 {
		mode = 0o755
	}
	f, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("%w: %w", errArchive, err)
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// link makes a symbolic link that stays inside the action.
func (u *unpacker) link(name, target string) error {
	if path.IsAbs(target) || !fs.ValidPath(path.Join(path.Dir(name), target)) {
		return fmt.Errorf("%w: a link that leads outside", errArchive)
	}
	if err := u.mkdir(path.Dir(name)); err != nil {
		return err
	}
	if err := u.root.Symlink(target, name); err != nil {
		return fmt.Errorf("%w: %w", errArchive, err)
	}
	return nil
}
