package artifactcli

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// packed is an archive: each line of a script is an entry, "MODE NAME" and, behind
// another space, what is in it. The mode is that of Unix, in octal.
func packed(script string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for line := range strings.Lines(script) {
		mode, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, text, _ := strings.Cut(rest, " ")
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, CreatorVersion: 3 << 8}
		bits, _ := strconv.ParseUint(mode, 8, 16)
		h.ExternalAttrs = uint32(bits) << 16
		if w, err := z.CreateHeader(h); err == nil {
			_, _ = w.Write([]byte(text)) // a directory takes none
		}
	}
	_ = z.Close()
	return b.Bytes()
}

// Whatever an archive says, only files and directories come out of it, below the
// directory and within the limits.
func FuzzNothingIsExtractedElsewhere(f *testing.F) {
	for _, script := range []string{
		"100644 a.txt text\n40755 dir/\n100755 dir/run code\n", "100644 ../evil text\n", "100644 /etc/evil text\n", "120777 link ../..\n100644 link/evil text\n",
		"100644 a text\n100644 a again\n", "100644 a text\n100644 a/b text\n", "40755 a\n", "100644 a/\n", `100644 ..\evil text` + "\n", "100644 a\x00b text\n", "100644 CON text\n",
		"100644 c:evil text\n", "100644 " + strings.Repeat("d/", 40) + "a text\n", "100644 a " + strings.Repeat("bomb", 5000) + "\n", "10644 pipe text\n", "100644 \xff text\n",
	} {
		f.Add(script, []byte(nil))
		f.Add("", packed(script))
	}
	limits := Limits{Files: 8, Bytes: 4096}
	f.Fuzz(func(t *testing.T, script string, body []byte) {
		if len(body) == 0 {
			body = packed(script)
		}
		outer := t.TempDir()
		dir := filepath.Join(outer, "in")
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		n, err := extract(t.Context(), root, bytes.NewReader(body), int64(len(body)), limits)
		var size int64
		entries, files := 0, 0
		walkErr := filepath.WalkDir(outer, func(p string, d fs.DirEntry, err error) error {
			if err != nil || p == outer || p == dir {
				return err
			}
			if !strings.HasPrefix(p, dir+string(filepath.Separator)) || !d.IsDir() && !d.Type().IsRegular() {
				t.Errorf("%s is there, of type %v", p, d.Type())
			}
			entries++
			if info, err := d.Info(); err == nil && !d.IsDir() {
				files++
				size += info.Size()
			}
			return nil
		})
		if walkErr != nil {
			t.Fatal(walkErr)
		}
		if size > limits.Bytes+1 || entries > 2*limits.Files || err == nil && n != files {
			t.Errorf("%d files are said to be there, %d are, of %d entries, with %d bytes (%v)", n, files, entries, size, err)
		}
	})
}
