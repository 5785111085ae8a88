package artifact_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
)

// A member is a file of an archive under test.
type member struct {
	name    string
	content string
	mode    fs.FileMode
	store   bool // without compression
}

func zipOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		if m.store {
			h.Method = zip.Store
		}
		if m.mode != 0 {
			h.SetMode(m.mode)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(m.name, "/") {
			continue
		}
		if _, err := io.WriteString(f, m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// opened reads one file of an artifact.
func (f *fixture) opened(t testing.TB, a *actions.Artifact, path string) (string, error) {
	t.Helper()
	r, _, err := f.OpenFile(t.Context(), a, path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return string(content), err
}

func TestFilesAreListedAndReadWithoutTheWholeArchive(t *testing.T) {
	f := open(t, nil)
	long := strings.Repeat("many lines of it\n", 100_000)
	a := f.add(t, f.job(t), "dist", string(zipOf(t,
		member{name: "a.txt", content: "hello"}, member{name: "dir/"}, member{name: "dir/b ü 🎁.log", content: long},
		member{name: "stored", content: "as it is", store: true}, member{name: "empty"})))
	l, err := f.Files(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	want := &artifact.Listing{Files: []artifact.File{
		{Path: "a.txt", Type: artifact.Regular, Size: 5},
		{Path: "dir", Type: artifact.Directory},
		{Path: "dir/b ü 🎁.log", Type: artifact.Regular, Size: int64(len(long))},
		{Path: "stored", Type: artifact.Regular, Size: 8},
		{Path: "empty", Type: artifact.Regular},
	}}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for path, want := range map[string]string{"a.txt": "hello", "dir/b ü 🎁.log": long, "stored": "as it is", "empty": ""} {
		if got, err := f.opened(t, a, path); err != nil || got != want {
			t.Errorf("%s has %d bytes, %v; want %d", path, len(got), err, len(want))
		}
	}
	for _, path := range []string{"A.txt", "dir", "dir/", "", "nothing", "/a.txt", "./a.txt", "dir/../a.txt", "a.txt\x00"} {
		_, err := f.opened(t, a, path)
		kind(t, fmt.Sprintf("open %q", path), err, actions.NotFound)
	}
}

// ART-7: an upload that is not an archive is one file.
func TestAnArtifactThatIsNoArchiveIsOneFile(t *testing.T) {
	ctx, f := t.Context(), open(t, nil)
	job := f.job(t)
	a, err := f.Create(ctx, job, artifact.Upload{Name: "report.json", ContentType: "application/json"})
	if err != nil {
		t.Fatal(err)
	}
	f.put(t, a, "{}")
	if a, err = f.Finalize(ctx, job, "report.json", 2, ""); err != nil {
		t.Fatal(err)
	}
	l, err := f.Files(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&artifact.Listing{Files: []artifact.File{{Path: "report.json", Type: artifact.Regular, Size: 2}}}, l); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got, err := f.opened(t, a, "report.json"); err != nil || got != "{}" {
		t.Errorf("content is %q, %v", got, err)
	}
	_, err = f.opened(t, a, "other")
	kind(t, "another path", err, actions.NotFound)
}

// Threat: Zip slip, symlink, absolute path, NUL or 4 GB name in uploaded or
// generated archives: nothing is unpacked, names are cleaned, and what could climb is
// not opened.
func TestHostileNamesAreCleanedAndNotOpened(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	for i, test := range []struct{ name, shown string }{
		{"../../etc/passwd", "etc/passwd"},
		{"a/../../b", "b"},
		{"/etc/passwd", "etc/passwd"},
		{"//server/share", "server/share"},
		{`C:\Windows\win.ini`, "Windows/win.ini"},
		{`..\..\up`, "up"},
		{"a\x00.txt", "a\ufffd.txt"},
		{"a\x1b[31m", "a\ufffd[31m"},
		{"a\u202egnp.exe", "a\ufffdgnp.exe"},
		{"./a", "a"},
		{"a//b", "a/b"},
		{"..", "_"},
		{"\xff\xfe", "\ufffd"},
		{strings.Repeat("n", 60_000), strings.Repeat("n", 1024)},
	} {
		a := f.add(t, job, fmt.Sprint(i), string(zipOf(t, member{name: test.name, content: "x"}, member{name: "good", content: "y"})))
		l, err := f.Files(t.Context(), a)
		if err != nil {
			t.Errorf("%.50q: %v", test.name, err)
			continue
		}
		want := []artifact.File{{Path: test.shown, Type: artifact.Regular, Size: 1, Renamed: true}, {Path: "good", Type: artifact.Regular, Size: 1}}
		if diff := cmp.Diff(want, l.Files); diff != "" {
			t.Errorf("%.50q (-want +got):\n%.500s", test.name, diff)
		}
		for _, path := range []string{test.name, test.shown} {
			_, err = f.opened(t, a, path)
			kind(t, fmt.Sprintf("open %.50q", path), err, actions.NotFound)
		}
		if got, err := f.opened(t, a, "good"); err != nil || got != "y" {
			t.Errorf("beside %.50q: %q, %v", test.name, got, err)
		}
	}
}

// Threat: Zip slip, symlink, …
func TestSymlinksAreShownAndNotFollowed(t *testing.T) {
	f := open(t, nil)
	a := f.add(t, f.job(t), "dist", string(zipOf(t, member{name: "link", content: "/etc/passwd", mode: fs.ModeSymlink | 0o777}, member{name: "link/a", content: "x"})))
	l, err := f.Files(t.Context(), a)
	if err != nil || l.Files[0].Type != artifact.Symlink {
		t.Errorf("files are %+v, %v", l, err)
	}
	_, err = f.opened(t, a, "link")
	kind(t, "open a link", err, actions.Invalid)
	if got, err := f.opened(t, a, "link/a"); err != nil || got != "x" {
		t.Errorf("below a link: %q, %v", got, err)
	}
}

// Threat: zip bomb shown in preview; size … declared falsely: streams end at what is
// declared.
func TestFilesThatAreNotAsDeclaredEndWithAnError(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	content := strings.Repeat("0", 1000)
	honest := zipOf(t, member{name: "a", content: content})
	stored := zipOf(t, member{name: "a", content: content, store: true})
	dir := bytes.LastIndex(honest, []byte("PK\x01\x02"))
	data := len("a") + 30
	put32 := func(b []byte, at int, v uint32) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	put16 := func(b []byte, at int, v uint16) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint16(b[at:], v)
		return b
	}
	compressed := binary.LittleEndian.Uint32(honest[dir+20:])
	storedDir := bytes.LastIndex(stored, []byte("PK\x01\x02"))
	for name, b := range map[string][]byte{
		"longer than declared":          put32(honest, dir+24, 999),
		"shorter than declared":         put32(honest, dir+24, 1001),
		"a bomb by its size":            put32(honest, dir+24, 4<<30-2),
		"another checksum":              put32(honest, dir+16, 1),
		"damaged":                       put32(honest, data, 0xffffffff),
		"cut off":                       put32(honest, dir+20, compressed-4),
		"beyond the directory":          put32(honest, dir+20, compressed+1000),
		"offset beyond":                 put32(honest, dir+42, 1<<31),
		"offset at another entry":       put32(honest, dir+42, 1),
		"encrypted":                     put16(honest, dir+8, 1),
		"an unknown method":             put16(put16(honest, dir+10, 99), 8, 99),
		"methods that differ":           put16(honest, dir+10, 0),
		"names that differ":             append(append(bytes.Clone(honest[:30]), 'b'), honest[31:]...),
		"stored, and sizes that differ": put32(stored, storedDir+24, 2000),
	} {
		a := f.add(t, job, name, string(b))
		got, err := f.opened(t, a, "a")
		kind(t, name, err, actions.Invalid)
		if len(got) > 1001 {
			t.Errorf("%s: %d bytes were served", name, len(got))
		}
	}
}

// Threat: zip bomb shown in preview.
func TestALargeBombIsNotOpened(t *testing.T) {
	f := open(t, nil)
	a := f.add(t, f.job(t), "bomb", string(zeros(t, 1<<30+1<<20)))
	_, err := f.opened(t, a, "zeros")
	kind(t, "a file of a gigabyte from a megabyte", err, actions.Invalid)
}

// zeros is an archive that declares so many bytes for a thousandth of them.
func zeros(t testing.TB, size int) []byte {
	t.Helper()
	packed := bytes.Repeat([]byte{0}, size/1000)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&zip.FileHeader{Name: "zeros", Method: zip.Deflate, CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(size)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(packed); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Threat: Zip slip, … hostile zip corpus.
func TestWhatIsNoArchiveIsRefused(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	good := zipOf(t, member{name: "a", content: "hello", store: true}, member{name: "b", content: "hello", store: true})
	end := bytes.LastIndex(good, []byte("PK\x05\x06"))
	dir := bytes.Index(good, []byte("PK\x01\x02"))
	change := func(at int, v ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], v)
		return b
	}
	second := dir + 46 + 1
	for name, b := range map[string][]byte{
		"nothing":                       nil,
		"text":                          []byte(strings.Repeat("this is no archive\n", 10_000)),
		"half":                          good[:len(good)/2],
		"without its first half":        good[len(good)/2+20:],
		"an end that lies about where":  change(end+16, 0xff, 0xff, 0xff, 0x7f),
		"an end that lies about length": change(end+12, 0xff, 0xff, 0xff, 0x7f),
		"more entries than there are":   change(end+10, 9),
		"fewer entries than there are":  change(end+10, 1),
		"a directory of other bytes":    change(dir, 'X'),
		"a second entry of other bytes": change(second, 'X'),
		"a name beyond the directory":   change(second+28, 0xff, 0xff),
		"a comment beyond":              change(second+32, 0xff, 0xff),
		"a field beyond":                change(second+30, 0xff, 0xff),
		"entries that overlap":          change(dir+20, 0xff, 0xff, 0xff, 0x7f),
		"only an end":                   good[end:][:20],
	} {
		a := f.add(t, job, name, string(b))
		_, err := f.Files(t.Context(), a)
		kind(t, name, err, actions.Invalid)
	}
	b := f.add(t, job, "only an end, of no entries", string(zipOf(t)))
	if l, err := f.Files(t.Context(), b); err != nil || len(l.Files) != 0 {
		t.Errorf("an archive of nothing: %+v, %v", l, err)
	}
	prefixed := f.add(t, job, "prefixed", "#!/bin/sh\n"+string(good))
	if got, err := f.opened(t, prefixed, "b"); err != nil || got != "hello" {
		t.Errorf("behind a script: %q, %v", got, err)
	}
	commented := append(change(end+20, 3), "PK\x05"...)
	if got, err := f.opened(t, f.add(t, job, "commented", string(commented)), "b"); err != nil || got != "hello" {
		t.Errorf("before a comment: %q, %v", got, err)
	}
}

// Threat: 4 GB name in uploaded archives.
func TestAListOfLongNamesTakesLittleMemory(t *testing.T) {
	const entries, most = 200, 1 << 20
	var members []member
	for i := range entries {
		members = append(members, member{name: fmt.Sprint(i) + strings.Repeat("a", 60_000)})
	}
	body := bytes.NewReader(zipOf(t, members...))
	l, err := artifact.ListZip(body, body.Size())
	if err != nil || len(l.Files) != entries {
		t.Fatalf("%+v, %v", l, err)
	}
	for _, f := range l.Files {
		if !f.Renamed || len(f.Path) > 1024 {
			t.Fatalf("a name of 60,000 bytes is listed as one of %d, or as it is", len(f.Path))
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		for range 2 { // what is in a pool, such as a compressor with the archive, is still there after one
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	with := heap()
	runtime.KeepAlive(l)
	if without := heap(); with > without+most {
		t.Errorf("the list of %d names takes %d bytes", entries, with-without)
	}
}

// Threat: zip bomb shown in preview.
func TestAListHasSoMuchTextAtMost(t *testing.T) {
	const text = 4 << 20
	var members []member
	for i := range 6000 {
		members = append(members, member{name: fmt.Sprintf("%04d", i) + strings.Repeat("a", 1000)})
	}
	body := bytes.NewReader(zipOf(t, members...))
	if l, err := artifact.ListZip(body, body.Size()); err != nil || !l.Truncated || len(l.Files) < text/1004 || len(l.Files) > text/1004+2 {
		t.Errorf("of 6 MB of names %d are listed (%v), want %d bytes of them", len(l.Files), err, text)
	}
}

func TestManyFilesAreListedInPart(t *testing.T) {
	f := open(t, nil)
	members := make([]member, 70_000) // more than 16 bits count
	for i := range members {
		members[i] = member{name: fmt.Sprintf("dir/file-%d", i), store: true}
	}
	members[69_999].content = "the last"
	a := f.add(t, f.job(t), "many", string(zipOf(t, members...)))
	l, err := f.Files(t.Context(), a)
	if err != nil || len(l.Files) != 10_000 || !l.Truncated {
		t.Fatalf("%d files, truncated %v, %v", len(l.Files), l.Truncated, err)
	}
	if got, err := f.opened(t, a, "dir/file-69999"); err != nil || got != "the last" {
		t.Errorf("the last file: %q, %v", got, err)
	}
}

// Whatever the bytes are, they end in a list or an error, and every file that is
// listed as a path of its own can be asked for.
func FuzzFilesOfAnyBytes(f *testing.F) {
	f.Add(zipOf(f, member{name: "a", content: "hello"}, member{name: "../b", content: "x", store: true}))
	f.Add(zipOf(f))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\xff", 18)))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := artifact.ListZip(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			kind(t, "list", err, actions.Invalid)
			return
		}
		for _, file := range l.Files {
			if strings.HasPrefix(file.Path, "/") || file.Path == ".." || strings.HasPrefix(file.Path, "../") || strings.Contains(file.Path, "/../") || strings.ContainsAny(file.Path, "\\\x00") {
				t.Errorf("path %q", file.Path)
			}
			r, _, err := artifact.OpenZip(bytes.NewReader(b), int64(len(b)), file.Path)
			if err == nil {
				var n int64
				n, err = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
				if n > file.Size && !file.Renamed {
					t.Errorf("%q has more than %d bytes", file.Path, file.Size)
				}
			}
			if k := actions.KindOf(err); err != nil && k != actions.Invalid && k != actions.NotFound {
				t.Errorf("open %q: %v", file.Path, err)
			}
		}
	})
}
