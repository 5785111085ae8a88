package toolkit_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/toolkit"
)

const refuses = "throw new Error('upload-artifact@v4+ and download-artifact@v4+ are not currently supported on GHES.')\n"

// tree is a repository of an action as git archives it: long names, links,
// modes, and files of all kinds.
func tree() map[string]string {
	form := forms["artifact 2.1.8, cache 4.0.0"]
	return map[string]string{
		"action.yml":         "name: x\n",
		"dist/index.js":      strings.Repeat("// filler\n", 20_000) + form + refuses,
		"dist/again.mjs":     form + form,
		"dist/other.cjs":     "console.log(1)\n",
		"docs/example.md":    form,
		"bin/tool":           form,
		"bin/large.dat":      strings.Repeat("\x00\x01", 100_000),
		"lib/errors.js":      refuses,
		"lib/config.js":      form,
		"empty.js":           "",
		"ünï cödé/日本語.JS":    form,
		"long/" + longName(): form,
	}
}

func longName() string { return strings.Repeat("directory/", 20) + strings.Repeat("n", 120) + ".js" }

// gitTar is what git makes of a tree.
func gitTar(t *testing.T, files map[string]string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Symlink("dist/index.js", filepath.Join(dir, "link.js")), os.Chmod(filepath.Join(dir, "action.yml"), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "-A"},
		{"-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "-m", "x"},
		{"archive", "--format=tar", "--prefix=action-1/", "HEAD"},
	} {
		out.Reset()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir, cmd.Stdout = dir, &out
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		if err := cmd.Run(); err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
	}
	return out.Bytes()
}

func wantReport(t *testing.T, got toolkit.Report) {
	t.Helper()
	want := toolkit.Report{
		Lifted: []string{
			"action-1/dist/again.mjs", "action-1/dist/index.js", "action-1/lib/config.js", "action-1/long/" + longName(), "action-1/ünï cödé/日本語.JS",
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestTarChangesOnlyTheCheck(t *testing.T) {
	in := gitTar(t, tree())
	var out bytes.Buffer
	report, err := toolkit.Tar(&out, iotest.HalfReader(bytes.NewReader(in)))
	if err != nil {
		t.Fatal(err)
	}
	wantReport(t, report)
	if out.Len() != len(in) {
		t.Fatalf("%d bytes became %d", len(in), out.Len())
	}
	before, after := tar.NewReader(bytes.NewReader(in)), tar.NewReader(bytes.NewReader(out.Bytes()))
	for {
		was, err := before.Next()
		is, err2 := after.Next()
		if errors.Is(err, io.EOF) && errors.Is(err2, io.EOF) {
			return
		}
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if d := cmp.Diff(was, is); d != "" {
			t.Errorf("%s: header differs\n%s", was.Name, d)
		}
		want, err := io.ReadAll(before)
		got, err2 := io.ReadAll(after)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		lifted := 0
		if strings.HasSuffix(strings.ToLower(was.Name), "js") {
			lifted = toolkit.Lift(want)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: not what it should be, with %d checks lifted", was.Name, lifted)
		}
	}
}

func TestZipHasTheSameFilesAsTheTar(t *testing.T) {
	in := gitTar(t, tree())
	var out bytes.Buffer
	report, err := toolkit.Zip(&out, bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	wantReport(t, report)
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*zip.File{}
	for _, f := range z.File {
		files[f.Name] = f
	}
	for r := tar.NewReader(bytes.NewReader(in)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			if len(z.Comment) != 40 || z.Comment != h.PAXRecords["comment"] {
				t.Errorf("the comment is %q, want the commit", z.Comment)
			}
			continue
		}
		want, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeSymlink {
			want = []byte(h.Linkname)
		}
		if strings.HasSuffix(strings.ToLower(h.Name), "js") {
			toolkit.Lift(want)
		}
		f := files[h.Name]
		if f == nil {
			t.Errorf("there is no %s", h.Name)
			continue
		}
		delete(files, h.Name)
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		if err != nil || !bytes.Equal(got, want) || f.Mode() != h.FileInfo().Mode() {
			t.Errorf("%s: differs, %v and not %v (%v)", h.Name, f.Mode(), h.FileInfo().Mode(), err)
		}
	}
	if len(files) > 0 {
		t.Errorf("also there: %v", files)
	}
}

// A script with the refusal but no check that is known is named, and one that
// leaves the check to a neighbour is not.
func TestUnknownChecksAreReported(t *testing.T) {
	in := gitTar(t, map[string]string{"action.yml": "", "dist/min.js": "function a(){}" + refuses, "lib/errors.js": refuses, "lib/config.js": forms["artifact 2.0.0, cache 3.0.0"]})
	report, err := toolkit.Tar(io.Discard, bytes.NewReader(in))
	want := toolkit.Report{Lifted: []string{"action-1/lib/config.js"}, Kept: []string{"action-1/dist/min.js"}}
	if d := cmp.Diff(want, report); d != "" || err != nil {
		t.Error(err, d)
	}
}

func TestBrokenArchivesAndWritersAreErrors(t *testing.T) {
	in := gitTar(t, tree())
	for _, n := range []int{100, 5000, len(in) / 2} {
		for name, pass := range map[string]func(io.Writer, io.Reader) (toolkit.Report, error){"tar": toolkit.Tar, "zip": toolkit.Zip} {
			if _, err := pass(io.Discard, bytes.NewReader(in[:n])); err == nil {
				t.Errorf("%s: no error after %d bytes", name, n)
			}
			gone := errors.New("gone")
			if _, err := pass(io.Discard, io.MultiReader(bytes.NewReader(in[:n]), iotest.ErrReader(gone))); !errors.Is(err, gone) {
				t.Errorf("%s: %v, want what the source said", name, err)
			}
			if _, err := pass(&limited{min(n, 5000)}, bytes.NewReader(in)); !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("%s: %v, want what the writer said", name, err)
			}
		}
	}
}

type limited struct{ left int }

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func BenchmarkTar(b *testing.B) {
	var in bytes.Buffer
	w := tar.NewWriter(&in)
	text := strings.Repeat("function other() { return process.env['PATH']; }\n", 200_000) + forms["artifact 2.1.8, cache 4.0.0"]
	if err := w.WriteHeader(&tar.Header{Name: "a/index.js", Size: int64(len(text)), Mode: 0o644}); err != nil {
		b.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(in.Len()))
	for b.Loop() {
		if _, err := toolkit.Tar(io.Discard, bytes.NewReader(in.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
