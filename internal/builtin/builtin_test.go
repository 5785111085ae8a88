package builtin_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/builtin"
	"github.com/understudy-ci/understudy/internal/workflow"
)

var names = []string{"actions/cache", "actions/checkout", "actions/download-artifact", "actions/upload-artifact"}

func newSet(t *testing.T, version string) *builtin.Set {
	t.Helper()
	set, err := builtin.New(version)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestActionsAreFoundByNameAndContents(t *testing.T) {
	set, other := newSet(t, "1"), newSet(t, "2")
	for _, name := range names {
		a, ok := set.Find(strings.ToUpper(name))
		if !ok || a.Name != name || !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(a.SHA) {
			t.Fatalf("%s: %+v", name, a)
		}
		if same, ok := newSet(t, "1").BySHA(a.SHA); !ok || same.Name != name {
			t.Errorf("%s is not the same each time", name)
		}
		if _, ok := other.BySHA(a.SHA); ok {
			t.Errorf("%s of another version has the same name", name)
		}
	}
	for _, name := range []string{"", "actions", "actions/", "actions/lib", "actions/setup-go", "octo/checkout", "actions/checkout/x", "actions/../actions/checkout"} {
		if _, ok := set.Find(name); ok {
			t.Errorf("there is %q", name)
		}
	}
	var none *builtin.Set
	if _, ok := none.Find("actions/checkout"); ok {
		t.Error("a set of nothing has something")
	}
	if _, ok := none.BySHA(""); ok {
		t.Error("a set of nothing has something")
	}
}

// Every action of an archive has a definition whose scripts are there, and that
// current and older runners run.
func TestArchivesHaveWhatTheirActionsNeed(t *testing.T) {
	set := newSet(t, `1.0 "quoted"`)
	var uses []string
	for _, name := range names {
		a, _ := set.Find(name)
		files := tarFiles(t, a)
		if d := cmp.Diff(files, archiveFiles(t, a)); d != "" {
			t.Errorf("%s: tar and zip differ\n%s", name, d)
		}
		for file, text := range files {
			if path.Base(file) != "action.yml" {
				continue
			}
			uses = append(uses, strings.TrimSuffix(name+"/"+path.Dir(file), "/."))
			action, err := workflow.ParseAction(file, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if action.Runs.Using != "node20" {
				t.Errorf("%s %s uses %s", name, file, action.Runs.Using)
			}
			for _, script := range []string{action.Runs.Main, action.Runs.Post} {
				if _, ok := files[path.Join(path.Dir(file), script)]; script != "" && !ok {
					t.Errorf("%s %s: there is no %s", name, file, script)
				}
			}
		}
	}
	want := []string{
		"actions/cache", "actions/cache/restore", "actions/cache/save", "actions/checkout", "actions/download-artifact",
		"actions/upload-artifact", "actions/upload-artifact/merge",
	}
	slices.Sort(uses)
	if d := cmp.Diff(want, uses); d != "" {
		t.Error(d)
	}
}

func tarFiles(t *testing.T, a *builtin.Action) map[string]string {
	t.Helper()
	var b, again bytes.Buffer
	for _, w := range []io.Writer{&b, &again} {
		if err := a.WriteTarGz(w, "top"); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("the tar differs from time to time")
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := strings.CutPrefix(h.Name, "top/"); ok && name != "" {
			files[name] = string(text)
		} else if h.Typeflag != tar.TypeDir {
			t.Errorf("%s is not in the directory", h.Name)
		}
	}
}

func archiveFiles(t *testing.T, a *builtin.Action) map[string]string {
	t.Helper()
	var b, again bytes.Buffer
	for _, w := range []io.Writer{&b, &again} {
		if err := a.WriteZip(w, "top"); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("the zip differs from time to time")
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(f.Name, "top/")] = string(text)
	}
	return files
}

func TestArchivesTellWhenTheyCannotBeWritten(t *testing.T) {
	a, _ := newSet(t, "1").Find("actions/cache")
	if a.WriteTarGz(full{}, "top") == nil || a.WriteZip(full{}, "top") == nil {
		t.Error("no error from a writer that takes nothing")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestPoliciesAreThree(t *testing.T) {
	for _, text := range []string{"fallback", "prefer", "never"} {
		if p, err := builtin.ParsePolicy(text); err != nil || string(p) != text {
			t.Errorf("%s: %q, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "always", "Never"} {
		if _, err := builtin.ParsePolicy(text); actions.KindOf(err) != actions.Invalid {
			t.Errorf("%q: %v, want Invalid", text, err)
		}
	}
}
