package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/runner/sandbox"
)

func TestProgramsInHomesAreShownWithoutTheHomes(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	for _, dir := range []string{".nvm/versions/node/v24/bin", ".local/bin", ".local/lib", ".local/share/keyrings", "bin", ".pyenv/shims", "sdk/go/bin", ".cargo/bin"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, path string // below the home, with ~
		want       []string
	}{
		{"of the machine", "/usr/bin:/opt/x/bin", nil},
		{"deep", "~/.nvm/versions/node/v24/bin", []string{"~/.nvm/versions/node/v24"}},
		{"deep, twice", "~/sdk/go/bin:~/sdk/go/bin", []string{"~/sdk/go"}},
		{"with libraries", "~/.local/bin", []string{"~/.local/bin", "~/.local/lib"}},
		{"near", "~/bin:~/.cargo/bin", []string{"~/bin", "~/.cargo/bin"}},
		{"shims", "~/.pyenv/shims", []string{"~/.pyenv"}},
		{"the home itself", "~:~/", nil},
		{"not there", "~/gone/x/bin", nil},
		{"not a path", ":bin:~/sdk/../sdk/go/bin", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want []string
			for _, w := range c.want {
				want = append(want, strings.ReplaceAll(w, "~", home))
			}
			if d := cmp.Diff(want, sandbox.Programs(strings.ReplaceAll(c.path, "~", home), home)); d != "" {
				t.Error(d)
			}
		})
	}
}
