// Package archive unpacks the archives of actions, which anybody may have made.
package archive

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
	"syscall"
)

const (
	// MaxSize is how many bytes all files of an archive may have, and it as well.
	MaxSize    = 4 << 30
	maxEntries = 1 << 20
)

// ErrBad says that an archive is not what it should be, and was not just cut short
// by the connection.
var ErrBad = errors.New("bad archive")

// Unpack unpacks a gzipped tar into dir without the one directory at its top.
// Nothing is written outside dir, whatever the names and links in it say.
func Unpack(r io.Reader, dir string) error { return unpack(r, dir, MaxSize) }

func unpack(r io.Reader, dir string, size int64) error {
	in := &source{r: r}
	zr, err := gzip.NewReader(in)
	if err != nil {
		return in.blame(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := unpacker{root: root, size: size, left: size, made: map[string]bool{".": true}}
	tr := tar.NewReader(zr)
	for range maxEntries {
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF):
			return u.checkLinks()
		case err != nil:
			return in.blame(err)
		}
		if err := u.entry(h, tr); err != nil {
			return fmt.Errorf("%s: %w", h.Name, in.blame(err))
		}
	}
	return fmt.Errorf("%w: too many entries", ErrBad)
}

// A source remembers how reading ended.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// blame is what was behind err: the source, or else the archive.
func (s *source) blame(err error) error {
	switch {
	case s.err != nil:
		return s.err
	case errors.Is(err, ErrBad):
		return err
	}
	return fmt.Errorf("%w: %w", ErrBad, err)
}

type unpacker struct {
	root  *os.Root
	size  int64 // bytes that all files may have
	left  int64
	made  map[string]bool // directories that exist
	top   string          // the one directory
	links []string        // that were made
}

func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // git archive writes the commit's id there
	}
	name := path.Clean(h.Name)
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%w: not a path", ErrBad)
	}
	top, name, inside := strings.Cut(name, "/")
	switch {
	case u.top == "":
		u.top = top
	case u.top != top:
		return fmt.Errorf("%w: more than one directory at the top", ErrBad)
	}
	if !inside {
		if h.Typeflag != tar.TypeDir {
			return fmt.Errorf("%w: a file at the top", ErrBad)
		}
		return nil
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.mkdir(name)
	case tar.TypeReg:
		return u.file(name, h, r)
	case tar.TypeSymlink:
		return u.link(name, h.Linkname)
	}
	return fmt.Errorf("%w: entry of type %q", ErrBad, h.Typeflag)
}

func (u *unpacker) mkdir(name string) error {
	if u.made[name] {
		return nil
	}
	if err := u.root.MkdirAll(name, 0o755); err != nil {
		return fmt.Errorf("%w: %w", ErrBad, err)
	}
	u.made[name] = true
	return nil
}

func (u *unpacker) file(name string, h *tar.Header, r io.Reader) error {
	if u.left -= h.Size; u.left < 0 {
		return fmt.Errorf("%w: larger than %d bytes", ErrBad, u.size)
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
		return fmt.Errorf("%w: %w", ErrBad, err)
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// link makes a symbolic link.
func (u *unpacker) link(name, target string) error {
	if path.IsAbs(target) || !fs.ValidPath(path.Join(path.Dir(name), target)) {
		return errLink
	}
	if err := u.mkdir(path.Dir(name)); err != nil {
		return err
	}
	if err := u.root.Symlink(target, name); err != nil {
		return fmt.Errorf("%w: %w", ErrBad, err)
	}
	u.links = append(u.links, name)
	return nil
}

var errLink = fmt.Errorf("%w: a link that leads outside", ErrBad)

// checkLinks refuses links that lead outside by way of each other: each alone looks
// as if it stays inside.
func (u *unpacker) checkLinks() error {
	for _, name := range u.links {
		_, err := u.root.Stat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ELOOP) && !errors.Is(err, syscall.ENOTDIR) {
			return fmt.Errorf("%s: %w", name, errLink)
		}
	}
	return nil
}
