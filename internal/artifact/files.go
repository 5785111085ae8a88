package artifact

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A FileType says what an entry of an archive is.
type FileType string

// The types of entries.
const (
	Regular   FileType = "file"
	Directory FileType = "directory"
	Symlink   FileType = "symlink" // shown, and neither opened nor followed
)

// A File is one entry of an artifact. What is said of it comes from the archive
// and may be a lie; [Artifacts.OpenFile] holds its bytes to it.
type File struct {
	// Path is the name with slashes, below the artifact: never absolute, never
	// climbing, without control characters.
	Path string
	Type FileType
	Size int64 // bytes
	// Renamed says that the archive has another name for it, one that can do harm
	// as a path. Path is what is left of that, and it cannot be opened.
	Renamed bool
}

// A Listing is what an artifact has inside, in the order of the archive.
type Listing struct {
	Files     []File
	Truncated bool // there are more than Files
}

// What is listed, at most.
const (
	maxListed     = 10_000  // entries
	maxListedText = 4 << 20 // bytes of all their paths
)

// maxPath is the length of the longest path of a file, in bytes.
const maxPath = 1024

// Files lists what is inside of an artifact: the entries of its archive, or the one
// file that it is. An archive that cannot be read as one is Invalid.
func (a *Artifacts) Files(ctx context.Context, art *actions.Artifact) (*Listing, error) {
	if !art.Zipped() {
		if err := art.Readable(a.now()); err != nil {
			return nil, err
		}
		return &Listing{Files: []File{whole(art)}}, nil
	}
	r, err := a.Open(ctx, art)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	l, err := list(r, r.Size())
	if err != nil {
		return nil, fmt.Errorf("artifact %d: %w", art.ID, err)
	}
	return l, nil
}

func whole(art *actions.Artifact) File {
	return File{Path: art.Name, Type: Regular, Size: art.Size}
}

func list(r io.ReaderAt, size int64) (*Listing, error) {
	d, err := findDirectory(r, size)
	if err != nil {
		return nil, err
	}
	l := new(Listing)
	var used int64
	text := 0
	for e, err := range d.entries() {
		if err != nil {
			return nil, err
		}
		if len(l.Files) == maxListed || text > maxListedText {
			l.Truncated = true
			return l, nil
		}
		// Each has its own bytes in an honest archive.
		if used += localHeaderSize + int64(len(e.name)) + e.compressed; used > d.offset {
			return nil, badZip("its entries overlap")
		}
		f := e.file()
		l.Files = append(l.Files, f)
		text += len(f.Path)
	}
	return l, nil
}

func (e *entry) file() File {
	shown, same := cleanPath(string(e.name))
	return File{Path: shown, Type: e.kind(), Size: e.size, Renamed: !same}
}

// OpenFile returns one file of an artifact, by its exact path, and what the
// archive says of it. Reading ends with an error when the file is not what was
// declared. A path that is not there is NotFound; Invalid is what must not or
// cannot be read.
func (a *Artifacts) OpenFile(ctx context.Context, art *actions.Artifact, name string) (io.ReadCloser, *File, error) {
	r, err := a.Open(ctx, art)
	if err != nil {
		return nil, nil, err
	}
	if !art.Zipped() && name == art.Name {
		f := whole(art)
		return r, &f, nil
	}
	var content io.Reader
	var f *File
	if art.Zipped() {
		content, f, err = openEntry(r, r.Size(), name)
	} else {
		err = noFile(name)
	}
	if err != nil {
		_ = r.Close() // it was only read
		return nil, nil, fmt.Errorf("artifact %d: %w", art.ID, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{content, r}, f, nil
}

func noFile(name string) error {
	return actions.Errorf(actions.NotFound, "no file %.100q in it", name)
}

// openEntry opens the entry of an archive that has the name.
func openEntry(r io.ReaderAt, size int64, name string) (io.Reader, *File, error) {
	if _, safe := cleanPath(name); !safe {
		return nil, nil, noFile(name)
	}
	d, err := findDirectory(r, size)
	if err != nil {
		return nil, nil, err
	}
	for e, err := range d.entries() {
		if err != nil {
			return nil, nil, err
		}
		if string(e.name) != name {
			continue
		}
		content, err := d.open(e)
		if err != nil {
			return nil, nil, err
		}
		f := e.file()
		return content, &f, nil
	}
	return nil, nil, noFile(name)
}

// cleanPath turns a name from an archive into a path that is safe to show and to
// keep, and says whether it was one already.
func cleanPath(name string) (shown string, same bool) {
	const most = 4 * maxPath // what is longer loses its end, and is not worth the work
	shown = strings.Map(func(c rune) rune {
		switch {
		case c == '\\':
			return '/'
		case unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c):
			return unicode.ReplacementChar
		}
		return c
	}, strings.ToValidUTF8(name[:min(len(name), most)], string(unicode.ReplacementChar)))
	if len(shown) >= 2 && shown[1] == ':' { // a drive of Windows
		shown = shown[2:]
	}
	shown = strings.TrimPrefix(path.Clean("/"+shown), "/")
	if len(shown) >= 2 && shown[1] == ':' { // another one, that hid behind the first or behind ..
		shown = shown[:1] + "_" + shown[2:]
	}
	if len(shown) > maxPath {
		end := maxPath
		for !utf8.RuneStart(shown[end]) {
			end--
		}
		shown = strings.Clone(shown[:end]) // not the rest with it, 10,000 times
	}
	if shown == "" {
		return "_", false
	}
	return shown, shown == strings.TrimSuffix(name, "/")
}
