// Package goldentest compares what code says of files with what is recorded.
//
// An archive (txtar) in testdata holds files to read, NAME.yml, what belongs to
// them, NAME.anything, and what they must give, NAME.want. `go test -update`
// writes the latter.
package goldentest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// A File is one NAME.yml with what belongs to it.
type File struct {
	Archive string // base name of the archive, without its ending
	Name    string // NAME.yml
	Text    string
	files   map[string]string
}

// With is the text of the file NAME with another ending, such as ".story".
func (f *File) With(ending string) string {
	return f.files[strings.TrimSuffix(f.Name, ".yml")+ending]
}

// Check runs a test for each archive in testdata, and fails it where tell does
// not say of a file what is recorded. With update it records that instead.
func Check(t *testing.T, update bool, tell func(t *testing.T, f *File) string) {
	t.Helper()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { check(t, path, update, tell) })
	}
}

func check(t *testing.T, path string, update bool, tell func(t *testing.T, f *File) string) {
	t.Helper()
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	for _, f := range slices.Clone(a.Files) {
		name, ok := strings.CutSuffix(f.Name, ".yml")
		if !ok {
			continue
		}
		archive := strings.TrimSuffix(filepath.Base(path), ".txtar")
		got := tell(t, &File{Archive: archive, Name: f.Name, Text: string(f.Data), files: files})
		if diff := cmp.Diff(files[name+".want"], got); diff != "" && !update {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
		record(a, name, got)
	}
	if update {
		if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// record sets NAME.want, which comes last of the files of that name.
func record(a *txtar.Archive, name, text string) {
	last := 0
	for i := range a.Files {
		if a.Files[i].Name == name+".want" {
			a.Files[i].Data = []byte(text)
			return
		}
		if strings.HasPrefix(a.Files[i].Name, name+".") {
			last = i
		}
	}
	a.Files = slices.Insert(a.Files, last+1, txtar.File{Name: name + ".want", Data: []byte(text)})
}
