package artifactcli

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// raw is an archive of headers as they are, with one byte in each file.
func raw(t *testing.T, headers ...*zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, h := range headers {
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, "/") {
			if _, err := w.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func withMode(name string, mode fs.FileMode) *zip.FileHeader {
	h := &zip.FileHeader{Name: name}
	h.SetMode(mode)
	return h
}

// into extracts an archive into a directory inside of another, and returns what
// both hold then.
func into(t *testing.T, body []byte, l Limits) (map[string]string, int, error) {
	t.Helper()
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
	n, err := extract(t.Context(), root, bytes.NewReader(body), int64(len(body)), l)
	return tree(t, outer), n, err
}

var enough = Limits{Files: 100, Bytes: 1 << 20}

// Threat: zip slip, symlink, absolute path, NUL or 4 GB name in uploaded archives.
func TestAHostileArchiveIsRefusedBeforeItsFirstFile(t *testing.T) {
	good := &zip.FileHeader{Name: "good.txt"}
	for name, bad := range map[string]*zip.FileHeader{
		"climbs":                   {Name: "../evil"},
		"climbs deep":              {Name: "a/../../evil"},
		"is absolute":              {Name: "/etc/evil"},
		"is of Windows":            {Name: `C:\evil`},
		"climbs by \\":             {Name: `..\evil`},
		"has NUL":                  {Name: "a\x00b"},
		"has a line break":         {Name: "a\nb"},
		"has an escape":            {Name: "a\x1b[2Jb"},
		"is empty":                 {Name: ""},
		"is the directory":         {Name: "./"},
		"has a dot":                {Name: "a/./b"},
		"has two slashes":          {Name: "a//b"},
		"is no UTF-8":              {Name: "a\xff", NonUTF8: true},
		"is long":                  {Name: strings.Repeat("x", 300)},
		"is very long":             {Name: strings.Repeat("x/", 30000) + "x"},
		"is a link":                withMode("link", fs.ModeSymlink|0o777),
		"is a pipe":                withMode("pipe", fs.ModeNamedPipe|0o666),
		"is a device":              withMode("dev", fs.ModeDevice|0o666),
		"is a directory as a file": withMode("dir", fs.ModeDir|0o777),
	} {
		t.Run(name, func(t *testing.T) {
			left, _, err := into(t, raw(t, good, bad), enough)
			if err == nil || len(left) > 0 {
				t.Errorf("error %v, left %q", err, left)
			}
			if err != nil && strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' }) {
				t.Errorf("the error steers a terminal: %q", err)
			}
		})
	}
}

func TestTwoEntriesOfOneNameAreRefused(t *testing.T) {
	for name, body := range map[string][]byte{
		"two files":             raw(t, &zip.FileHeader{Name: "a"}, &zip.FileHeader{Name: "a"}),
		"a file in a file":      raw(t, &zip.FileHeader{Name: "a"}, &zip.FileHeader{Name: "a/b"}),
		"a file as a directory": raw(t, &zip.FileHeader{Name: "a/"}, &zip.FileHeader{Name: "a"}),
	} {
		if _, _, err := into(t, body, enough); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Threat: a zip bomb.
func TestAnArchiveOverTheLimitsIsRefused(t *testing.T) {
	zeros := archive(t, map[string]string{"zeros": strings.Repeat("\x00", 2<<20)})
	if left, _, err := into(t, zeros, enough); err == nil || !strings.Contains(err.Error(), "--max-size") || len(left) > 0 {
		t.Errorf("too large: %v, left %d", err, len(left))
	}
	if _, n, err := into(t, zeros, Limits{Files: 1, Bytes: 2 << 20}); err != nil || n != 1 {
		t.Errorf("just fits: %d, %v", n, err)
	}
	two := archive(t, map[string]string{"a": "", "b": ""})
	if _, _, err := into(t, two, Limits{Files: 1, Bytes: 1}); err == nil {
		t.Error("too many files: no error")
	}
	deep := archive(t, map[string]string{strings.Repeat("a/", 101) + "b": ""})
	if left, _, err := into(t, deep, enough); err == nil || len(left) > 0 {
		t.Errorf("too many directories: %v, left %d", err, len(left))
	}
	if _, n, err := into(t, archive(t, map[string]string{strings.Repeat("a/", 100) + "b": "", "a/c": ""}), enough); err != nil || n != 2 {
		t.Errorf("just as many directories: %d, %v", n, err)
	}
}

func TestAnArchiveThatLiesAboutSizesIsRefused(t *testing.T) {
	// The central directory of an archive with one file says 1 byte of 2 MiB.
	lie := archive(t, map[string]string{"zeros": strings.Repeat("\x00", 2<<20)})
	at := bytes.LastIndex(lie, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lie[at+24:], 1)
	left, _, err := into(t, lie, enough)
	if err == nil || len(left["in/zeros"]) > 2 {
		t.Errorf("error %v, wrote %d bytes", err, len(left["in/zeros"]))
	}
	// All entries are the same bytes.
	overlap := archive(t, map[string]string{"a": string(random(1000))})
	entry, end := bytes.LastIndex(overlap, []byte("PK\x01\x02")), bytes.LastIndex(overlap, []byte("PK\x05\x06"))
	directory := bytes.Repeat(overlap[entry:end], 2)
	tail := bytes.Clone(overlap[end:])
	binary.LittleEndian.PutUint16(tail[8:], 2)
	binary.LittleEndian.PutUint16(tail[10:], 2)
	binary.LittleEndian.PutUint32(tail[12:], uint32(len(directory)))
	overlap = append(append(overlap[:entry:entry], directory...), tail...)
	if _, _, err := into(t, overlap, enough); err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("overlapping entries: %v", err)
	}
}

func TestWhatIsNoArchiveIsAnError(t *testing.T) {
	for name, body := range map[string][]byte{"empty": nil, "text": []byte("hello"), "cut": archive(t, map[string]string{"a": "b"})[:40]} {
		if _, _, err := into(t, body, enough); err == nil || !strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := &bounded{r: bytes.NewReader(random(100)), left: 10}
	if _, err := b.ReadAt(make([]byte, 11), 0); !errors.Is(err, errDirectory) {
		t.Errorf("a table of contents that is too large: %v", err)
	}
}

func TestProgramsStayPrograms(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such mode")
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	body := raw(t, withMode("run", 0o755), withMode("all", 0o777|fs.ModeSetuid), withMode("read", 0o444), &zip.FileHeader{Name: "plain"}, withMode("d/", fs.ModeDir|0o700))
	if _, err := extract(t.Context(), root, bytes.NewReader(body), int64(len(body)), enough); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"run", "all", "read", "plain"} {
		info, err := root.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = (info.Mode() &^ 0o066).String() // whatever the umask is
	}
	want := map[string]string{"run": "-rwx--x--x", "all": "-rwx--x--x", "read": "-rw-------", "plain": "-rw-------"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
