package toolkit_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/understudy-ci/understudy/internal/toolkit"
)

// smallTar is an archive as git writes it, with few files.
func smallTar(f *testing.F, headers ...tar.Header) []byte {
	f.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		text := h.PAXRecords["text"]
		delete(h.PAXRecords, "text")
		if h.Mode, h.Size = 0o644, int64(len(text)); h.Typeflag == tar.TypeXGlobalHeader {
			h.Mode, h.Size = 0, 0
		}
		if err := w.WriteHeader(&h); err != nil {
			f.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	return out.Bytes()
}

// sparseTar is a script of 8 GiB in an archive of a few kilobytes.
func sparseTar(f *testing.F) []byte {
	f.Helper()
	h := tar.Header{Name: "a/index.js", Typeflag: tar.TypeReg, Format: tar.FormatPAX, PAXRecords: map[string]string{"VENDOR.sparse.map": "0,1", "text": "x"}}
	return bytes.ReplaceAll(smallTar(f, h), []byte("VENDOR.sparse.map=0,1"), []byte("GNU.sparse.size=99999"))
}

// What is done to the archive of an action changes nothing but scripts, makes it no
// longer, and what comes out can be read again.
func FuzzArchivesKeepTheirFiles(f *testing.F) {
	text := func(s string) map[string]string { return map[string]string{"text": s} }
	form := forms["artifact 2.1.8, cache 4.0.0"]
	f.Add(smallTar(f,
		tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": strings.Repeat("1", 40)}},
		tar.Header{Typeflag: tar.TypeDir, Name: "action-1/"},
		tar.Header{Typeflag: tar.TypeReg, Name: "action-1/dist/index.js", PAXRecords: text("// x\n" + form + refuses)},
		tar.Header{Typeflag: tar.TypeReg, Name: "action-1/README.md", PAXRecords: text(form)},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "action-1/link.js", Linkname: "dist/index.js"},
	))
	f.Add(smallTar(f, tar.Header{Typeflag: tar.TypeReg, Name: "../" + strings.Repeat("n", 200) + ".mjs", PAXRecords: text(form + form)}))
	f.Add(sparseTar(f))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out, zipped bytes.Buffer
		report, err := toolkit.Tar(&out, iotest.HalfReader(bytes.NewReader(in)))
		if out.Len() > len(in) {
			t.Fatalf("%d bytes became %d", len(in), out.Len())
		}
		again, zipErr := toolkit.Zip(&zipped, bytes.NewReader(in))
		if err != nil {
			return
		}
		entries := sameButForScripts(t, in, out.Bytes())
		if len(report.Lifted) > entries || len(report.Kept) > entries {
			t.Errorf("%+v of %d entries", report, entries)
		}
		if zipErr != nil { // zip files cannot have all that tar files can
			return
		}
		if len(again.Lifted) != len(report.Lifted) {
			t.Errorf("lifted %q, and %q in the zip file", report.Lifted, again.Lifted)
		}
		z, err := zip.NewReader(bytes.NewReader(zipped.Bytes()), int64(zipped.Len()))
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			t.Fatalf("the zip file cannot be read: %v", err)
		}
		if len(z.File) > entries {
			t.Errorf("%d entries became %d", entries, len(z.File))
		}
	})
}

// sameButForScripts compares two archives and counts their entries.
func sameButForScripts(t *testing.T, before, after []byte) (entries int) {
	t.Helper()
	if len(before) != len(after) {
		t.Fatalf("%d bytes became %d", len(before), len(after))
	}
	was, is := tar.NewReader(bytes.NewReader(before)), tar.NewReader(bytes.NewReader(after))
	for ; ; entries++ {
		h, err := was.Next()
		h2, err2 := is.Next()
		if errors.Is(err, io.EOF) && errors.Is(err2, io.EOF) {
			return entries
		}
		if err != nil || err2 != nil || h.Name != h2.Name || h.Size != h2.Size || h.Typeflag != h2.Typeflag {
			t.Fatalf("entry %d is %+v (%v) and was %+v (%v)", entries, h2, err2, h, err)
		}
		want, err := io.ReadAll(was)
		got, err2 := io.ReadAll(is)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		script := strings.HasSuffix(strings.ToLower(path.Ext(h.Name)), "js")
		if len(got) != len(want) || !script && !bytes.Equal(got, want) {
			t.Errorf("%q: %q became %q", h.Name, want, got)
		}
	}
}
