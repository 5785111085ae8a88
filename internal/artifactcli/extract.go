package artifactcli

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Limits bound what an archive may become.
type Limits struct {
	Files int
	Bytes int64 // of all files together
}

// maxDirectory bounds the table of contents of an archive, which is read as a whole.
const maxDirectory = 96 << 20

// extract writes the files of an archive into an empty directory. It looks at all
// names and sizes before it writes the first.
func extract(ctx context.Context, to *os.Root, r io.ReaderAt, size int64, l Limits) (files int, err error) {
	table := &bounded{r: r, left: maxDirectory}
	z, err := zip.NewReader(table, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // paths are checked below
		return 0, fmt.Errorf("the archive cannot be read: %w", err)
	}
	table.left = -1
	if err := check(z, size, l); err != nil {
		return 0, err
	}
	for _, f := range z.File {
		name := entryName(f)
		if f.FileInfo().IsDir() {
			if err := to.MkdirAll(name, 0o777); err != nil {
				return files, fmt.Errorf("%s: %w", printable(f.Name), err)
			}
			continue
		}
		if err := extractFile(ctx, to, name, f); err != nil {
			return files, fmt.Errorf("%s: %w", printable(f.Name), err)
		}
		files++
	}
	return files, nil
}

// entryName is the path of an entry on this system, below the directory.
func entryName(f *zip.File) string {
	return filepath.FromSlash(strings.TrimSuffix(f.Name, "/"))
}

// check says whether all of an archive may be extracted.
func check(z *zip.Reader, size int64, l Limits) error {
	var packed, total uint64
	if len(z.File) > l.Files {
		return fmt.Errorf("the archive has %d entries; at most %d are extracted", len(z.File), l.Files)
	}
	dirs := make(map[string]bool)
	for _, f := range z.File {
		if err := checkEntry(f); err != nil {
			return err
		}
		if addParents(dirs, f.Name, l.Files); len(dirs) > l.Files {
			return fmt.Errorf("the archive has more than %d directories, which no honest one has", l.Files)
		}
		packed += min(f.CompressedSize64, 1<<62)
		total += min(f.UncompressedSize64, 1<<62)
		switch {
		case packed > uint64(size):
			return errors.New("the archive's entries overlap, as no honest one's do")
		case total > uint64(l.Bytes):
			return fmt.Errorf("the archive's files have more than %s together: raise --max-size if you trust it, or keep it as it is with --zip", bytesText(l.Bytes))
		}
	}
	return nil
}

// addParents adds the directories that an entry is in, as long as there are no more
// than most. A path of 4 KB may be in 2,000.
func addParents(dirs map[string]bool, name string, most int) {
	for dir := path.Dir(name); dir != "." && !dirs[dir] && len(dirs) <= most; dir = path.Dir(dir) {
		dirs[dir] = true
	}
}

func checkEntry(f *zip.File) error {
	name := strings.TrimSuffix(f.Name, "/")
	mode := f.Mode()
	switch {
	case !fs.ValidPath(name) || name == "." || !utf8.ValidString(name) || !filepath.IsLocal(entryName(f)):
		return fmt.Errorf("the archive has an entry %s, which is no path inside of it: nothing is extracted; --zip keeps it as it is", quoted(f.Name))
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }):
		return fmt.Errorf("the archive has an entry %s with a character that no path of an artifact has", quoted(f.Name))
	case len(name) > 4096 || len(path.Base(name)) > 255:
		return fmt.Errorf("the archive has an entry %s whose name is too long", quoted(f.Name))
	case mode&fs.ModeType != 0 && !mode.IsDir():
		return fmt.Errorf("the archive's entry %s is a link or a device, and no file: nothing is extracted; --zip keeps it as it is", quoted(f.Name))
	case mode.IsDir() != strings.HasSuffix(f.Name, "/"):
		return fmt.Errorf("the archive's entry %s is both a file and a directory", quoted(f.Name))
	}
	return nil
}

// extractFile writes one file, which must not exist.
func extractFile(ctx context.Context, to *os.Root, name string, f *zip.File) (err error) {
	if err := to.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666|f.Mode()&0o111)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	n, err := io.Copy(w, &until{ctx, io.LimitReader(r, int64(min(f.UncompressedSize64, 1<<62))+1)})
	if err == nil && uint64(n) != f.UncompressedSize64 {
		err = fmt.Errorf("it has %d bytes, and not the %d that the archive says", n, f.UncompressedSize64)
	}
	return err
}

// bounded reads no more than some bytes, and without a bound when left is less
// than 0.
type bounded struct {
	r    io.ReaderAt
	left int64
}

var errDirectory = errors.New("its table of contents is too large")

// ReadAt reads.
func (b *bounded) ReadAt(p []byte, at int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			b.left = 0
			return 0, errDirectory
		}
	}
	return b.r.ReadAt(p, at)
}
