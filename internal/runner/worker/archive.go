package worker

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

// What an archive of an action may hold at most.
const (
	maxArchiveFiles = 200_000
	maxArchiveBytes = 2 << 30
)

// Unpack unpacks a gzipped tar archive of an action, whose one top-level
// directory is left out, into the directory dir, which it creates. Nothing in
// the archive can make it write outside of dir; links that point outside are
// left out. When it fails, dir may hold a part.
func Unpack(archive io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	unzipped, err := gzip.NewReader(archive)
	if err != nil {
		return fmt.Errorf("action archive: %w", err)
	}
	x := extraction{root: root, in: tar.NewReader(unzipped), left: maxArchiveBytes}
	if err := x.all(); err != nil {
		return fmt.Errorf("action archive: %w", err)
	}
	return nil
}

type extraction struct {
	root *os.Root
	in   *tar.Reader
	top  string // the top-level directory
	left int64  // bytes that may still be written
}

func (x *extraction) all() error {
	for range maxArchiveFiles {
		header, err := x.in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := x.entry(header); err != nil {
			return err
		}
	}
	return fmt.Errorf("more than %d entries", maxArchiveFiles)
}

func (x *extraction) entry(header *tar.Header) error {
	name, err := x.name(header.Name)
	if err != nil || name == "" {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return x.root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		return x.file(name, header)
	case tar.TypeSymlink:
		return x.link(name, header.Linkname)
	}
	return nil // devices and the like are no part of an action
}

// name is the path of an entry below the top-level directory, "" for that
// directory itself.
func (x *extraction) name(entry string) (string, error) {
	top, name, _ := strings.Cut(strings.TrimPrefix(entry, "./"), "/")
	name = strings.TrimSuffix(name, "/")
	switch {
	case top == "" || name != "" && !fs.ValidPath(name):
		return "", fmt.Errorf("unsafe path %q", entry)
	case x.top == "":
		x.top = top
	case x.top != top:
		return "", errors.New("more than one top-level directory")
	}
	return name, nil
}

func (x *extraction) file(name string, header *tar.Header) (err error) {
	if x.left -= header.Size; header.Size < 0 || x.left < 0 {
		return fmt.Errorf("more than %d GiB", maxArchiveBytes>>30)
	}
	if err := x.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644|fs.FileMode(header.Mode)&0o111)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, x.in)
	return err
}

// link creates a symbolic link if its target is inside.
func (x *extraction) link(name, target string) error {
	if path.IsAbs(target) || !fs.ValidPath(path.Join(path.Dir(name), target)) {
		return nil
	}
	if err := x.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return x.root.Symlink(target, name)
}
