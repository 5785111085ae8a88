package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// A script makes an archive: each line is an entry, "KIND NAME" and, behind another
// space, what is in the file or where the link leads.
func pack(script string) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for line := range strings.Lines(script) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, text, _ := strings.Cut(rest, " ")
		h := &tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeReg, Size: int64(len(text))}
		switch kind {
		case "dir":
			h.Typeflag, h.Size = tar.TypeDir, 0
		case "link":
			h.Typeflag, h.Size, h.Linkname = tar.TypeSymlink, 0, text
		case "hard":
			h.Typeflag, h.Size, h.Linkname = tar.TypeLink, 0, text
		}
		if w.WriteHeader(h) == nil && h.Typeflag == tar.TypeReg {
			_, _ = w.Write([]byte(text)) // to memory
		}
	}
	_ = w.Close()
	return out.Bytes()
}

// Whatever an archive says, nothing is written beside the directory, nothing in it leads
// out, its files are no larger than allowed, and it is to blame for what is wrong.
func FuzzNothingLeavesTheDirectory(f *testing.F) {
	for _, script := range []string{
		"", "dir x\ndir x/dist\nfile x/action.yml name: x\nfile x/dist/index.js code\nlink x/main dist/index.js\n",
		"file x/../../evil text\n", "file /etc/evil text\n", "file x/a text\nfile y/a text\n", "link x/l ../../etc\n", "link x/l /etc\n", "hard x/l x/a\n",
		"dir x/p/q\nlink x/p/q/s ../..\nlink x/t p/q/s/../outside\nfile x/t/evil text\n",
		"link x/a .\nlink x/a/l ../outside\nfile x/l evil\n", "link x/l m\nlink x/m l\nfile x/l/a text\n", "file x/a text\nfile x/a/b text\n",
		"link x/l missing/..\nfile x/l/a text\n", "dir x/a\nlink x/a b\nfile x/a/c text\n", "file x/" + strings.Repeat("long/", 100) + "a text\n", "file x/big " + strings.Repeat("b", 5000) + "\n",
	} {
		f.Add(script, []byte(nil))
		f.Add("", pack(script))
	}
	const most = 4096
	f.Fuzz(func(t *testing.T, script string, raw []byte) {
		top, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		dir, outside := filepath.Join(top, "dir"), filepath.Join(top, "outside")
		for _, d := range []string{dir, outside} {
			if err := os.Mkdir(d, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		var packed bytes.Buffer
		zw := gzip.NewWriter(&packed)
		if len(raw) == 0 {
			raw = pack(script)
		}
		_, err = zw.Write(raw)
		if err = errors.Join(err, zw.Close()); err != nil {
			t.Fatal(err)
		}
		err = unpack(iotest.HalfReader(&packed), dir, most)
		if err != nil && !errors.Is(err, ErrBad) {
			t.Errorf("the archive is not blamed: %v", err)
		}
		if found, _ := os.ReadDir(outside); len(found) > 0 {
			t.Errorf("%s is outside", found[0])
		}
		if found, _ := os.ReadDir(top); len(found) != 2 {
			t.Errorf("beside the directory: %v", found)
		}
		if size := sizeOf(t, dir, err == nil); size > most {
			t.Errorf("the files have %d bytes", size)
		}
	})
}

// sizeOf is how many bytes the files below dir have. No link leads out, if the archive
// was taken.
func sizeOf(t *testing.T, dir string, taken bool) (size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type() == fs.ModeSymlink && taken {
			if to, err := filepath.EvalSymlinks(p); err == nil && to != dir && !strings.HasPrefix(to, dir+"/") {
				t.Errorf("%s leads to %s", p, to)
			}
		}
		if d.Type().IsRegular() {
			info, err := d.Info()
			if err != nil {
				return err
			}
			size += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}
