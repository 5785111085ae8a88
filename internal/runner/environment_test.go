package runner_test

import (
	"os"
	"path/filepath"
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
	for name, text := range map[string]string{"nul": "A=a\x00b\n", "large": strings.Repeat("A=a\n", 1<<19)} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := runner.Environment(nil, dir, file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, file := range []string{filepath.Join(dir, "missing"), dir} {
		if _, err := runner.Environment(nil, dir, file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
