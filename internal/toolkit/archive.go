package toolkit

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"errors"
	"io"
	"path"
	"strings"
)

// A Report tells what was done to an archive. Files are named as there.
type Report struct {
	Lifted []string // scripts in which the check was lifted
	Kept   []string // scripts that refuse to work on some hosts, by a check that is not known
}

// maxNamed is how many files a report names.
const maxNamed = 20

func (r *Report) add(name string, s *Reader) {
	switch {
	case s.Lifted() > 0 && len(r.Lifted) < maxNamed:
		r.Lifted = append(r.Lifted, name)
	case s.Lifted() == 0 && s.Refuses() && len(r.Kept) < maxNamed:
		r.Kept = append(r.Kept, name)
	}
}

// settle takes out of Kept what says the refusal but leaves the check to a
// neighbour, as the package does before it is bundled.
func (r *Report) settle() {
	neighbours := make(map[string]bool, len(r.Lifted))
	for _, name := range r.Lifted {
		neighbours[path.Dir(name)] = true
	}
	kept := r.Kept
	r.Kept = nil
	for _, name := range kept {
		if !neighbours[path.Dir(name)] {
			r.Kept = append(r.Kept, name)
		}
	}
}

// isScript says whether a file is looked at.
func isScript(h *tar.Header) bool {
	if h.Typeflag != tar.TypeReg {
		return false
	}
	switch path.Ext(strings.ToLower(h.Name)) {
	case ".js", ".cjs", ".mjs":
		return true
	}
	return false
}

// errSparse is for a file with holes, of which a small archive may have terabytes. Git
// writes none.
var errSparse = errors.New("the archive has a sparse file")

// next is the header of the next file.
func next(files *tar.Reader) (*tar.Header, error) {
	h, err := files.Next()
	if err != nil {
		return nil, err
	}
	if h.Typeflag == tar.TypeGNUSparse {
		return nil, errSparse
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return nil, errSparse
		}
	}
	return h, nil
}

// A tap is a source whose bytes go on to w while it is open.
type tap struct {
	r    io.Reader
	w    io.Writer
	shut bool
}

// Read implements [io.Reader].
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if t.shut || n == 0 {
		return n, err
	}
	if _, werr := t.w.Write(p[:n]); werr != nil {
		return 0, werr
	}
	return n, err
}

// Tar copies a tar archive, byte by byte but for the checks that it lifts.
func Tar(w io.Writer, r io.Reader) (Report, error) {
	var report Report
	in := &tap{r: r, w: w}
	files := tar.NewReader(in)
	script := NewReader(nil)
	for {
		h, err := next(files)
		if errors.Is(err, io.EOF) {
			report.settle()
			_, err = io.Copy(w, r) // the blocks that fill up the end
			return report, err
		}
		if err != nil {
			return report, err
		}
		if !isScript(h) {
			continue // the next header brings its bytes
		}
		script.Reset(files)
		in.shut = true
		if _, err := io.Copy(w, script); err != nil {
			return report, err
		}
		in.shut = false
		report.add(h.Name, script)
	}
}

// Zip copies the files of a tar archive, as git writes it, into a zip file, with
// the checks lifted.
func Zip(w io.Writer, r io.Reader) (Report, error) { return zipFiles(w, r, isScript) }

// PlainZip is Zip with the files as they are.
func PlainZip(w io.Writer, r io.Reader) error {
	_, err := zipFiles(w, r, func(*tar.Header) bool { return false })
	return err
}

// zipFiles lifts the checks in the files that isScript names.
func zipFiles(w io.Writer, r io.Reader, isScript func(*tar.Header) bool) (Report, error) {
	var report Report
	out := zip.NewWriter(w)
	out.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	files := tar.NewReader(r)
	script := NewReader(nil)
	for {
		h, err := next(files)
		if errors.Is(err, io.EOF) {
			report.settle()
			return report, out.Close()
		}
		if err != nil {
			return report, err
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			if err := out.SetComment(h.PAXRecords["comment"]); err != nil { // the commit, as git has it there
				return report, err
			}
			continue
		}
		in, lifts := script, isScript(h)
		if !lifts {
			in = nil
		}
		if err := zipEntry(out, h, files, in); err != nil {
			return report, err
		}
		if lifts {
			report.add(h.Name, script)
		}
	}
}

// zipEntry writes a file, read through script if there is one.
func zipEntry(out *zip.Writer, h *tar.Header, content io.Reader, script *Reader) error {
	e := zip.FileHeader{Name: h.Name, Method: zip.Deflate, Modified: h.ModTime.UTC()}
	e.SetMode(h.FileInfo().Mode())
	switch h.Typeflag {
	case tar.TypeDir:
		e.Method = zip.Store
		content = strings.NewReader("")
	case tar.TypeSymlink:
		e.Method = zip.Store
		content = strings.NewReader(h.Linkname)
	}
	w, err := out.CreateHeader(&e)
	if err != nil {
		return err
	}
	if script != nil {
		script.Reset(content)
		content = script
	}
	_, err = io.Copy(w, content)
	return err
}
