package runner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/runner"
)

func TestJobsHaveTheEnvironmentOfTheRunnerAndOfItsFile(t *testing.T) {
	t.Parallel()
	own := []string{"A=a", "PATH=/bin", "UNDERSTUDY_URL=http://x", "GONE=1"}
	for _, tt := range []struct {
		name              string
		file, other, path string // "" for none
		want              []string
	}{
		{"no file", "", "", "", []string{"A=a", "PATH=/bin", "GONE=1"}},
		{"a file", "\ufeffB=b=c\r\n\n# no variable\n=x\nA=new\r\nGONE=\nC=last", "", "", []string{"PATH=/bin", "B=b=c", "A=new", "C=last"}},
		{"a path", "PATH=/of/env\n", "", "/of/path:/bin\n", []string{"A=a", "GONE=1", "PATH=/of/env"}},
		{"only a path", "", "", "/of/path:/bin\n", []string{"A=a", "GONE=1", "PATH=/of/path:/bin"}},
		{"another file", "B=b", "D=d", "", []string{"A=a", "PATH=/bin", "GONE=1", "D=d"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root, other := t.TempDir(), ""
			for name, text := range map[string]string{".env": tt.file, ".path": tt.path, "other": tt.other} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				if name == "other" {
					other = filepath.Join(root, name)
				}
			}
			got, err := runner.Environment(own, root, other)
			if d := cmp.Diff(tt.want, got); d != "" || err != nil {
				t.Errorf("%v %s", err, d)
			}
		})
	}
}

func TestAnEnvironmentThatIsNoneIsRefusedByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"nul": "A=a\x00b\n", "large": strings.Repeat("A=a\n", 1<<19), "10 MB": strings.Repeat("x", 10_000_000)} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := runner.Environment(nil, dir, file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cycle := filepath.Join(dir, "cycle")
	if err := os.Symlink(cycle, cycle); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(dir, "missing"), dir, cycle} {
		if _, err := runner.Environment(nil, dir, file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Nothing in the file is looked up, so variables may name each other. As many as fit are
// read at once: each was compared with all others.
func TestAnEnvironmentOfManyVariablesIsReadAsItIs(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("A=$B\nB=${A}\n")
	n := 0
	for ; text.Len() < 1_000_000; n++ {
		fmt.Fprintf(&text, "V%d=x\n", n)
	}
	file := filepath.Join(t.TempDir(), "many")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	vars, err := runner.Environment([]string{"A=before", "C=c"}, t.TempDir(), file)
	if err != nil || len(vars) != n+3 {
		t.Fatalf("%d variables, %v; want %d", len(vars), err, n+3)
	}
	if want := []string{"C=c", "A=$B", "B=${A}", "V0=x"}; !slices.Equal(vars[:4], want) {
		t.Errorf("got %q, want %q", vars[:4], want)
	}
}
