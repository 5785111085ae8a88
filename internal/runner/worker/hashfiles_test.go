package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
)

// combined is the hash that hashFiles gives for files of these contents.
func combined(contents ...string) string {
	if len(contents) == 0 {
		return ""
	}
	all := sha256.New()
	for _, c := range contents {
		one := sha256.Sum256([]byte(c))
		all.Write(one[:])
	}
	return hex.EncodeToString(all.Sum(nil))
}

func TestHashFilesFindsFilesAsOnGitHub(t *testing.T) { // EXP-12
	root := filepath.Join(t.TempDir(), "work[1]")
	files := map[string]string{}
	for _, name := range []string{
		"go.sum", "a.txt", "b.txt", ".hidden/h.txt", "dir/c.txt", "dir/sub/d.txt", "dir/sub/go.sum",
		"node_modules/x/go.sum", "x*y", "Upper.TXT",
	} {
		files[name] = name
	}
	writeFiles(t, root, files)
	writeFiles(t, filepath.Dir(root), map[string]string{"outside.txt": "outside"})
	if err := os.Symlink("dir", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.txt", filepath.Join(root, "link.txt")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		patterns []string
		want     []string
	}{
		{"one file", []string{"a.txt"}, []string{"a.txt"}},
		{"star", []string{"*.txt"}, []string{"a.txt", "b.txt", "a.txt"}}, // link.txt is read
		{"star does not cross a slash", []string{"d*.txt"}, nil},
		{"any depth, in order of bytes", []string{"**/go.sum"}, []string{"dir/sub/go.sum", "go.sum", "node_modules/x/go.sum"}},
		{"exclusion", []string{"**/go.sum\n!node_modules"}, []string{"dir/sub/go.sum", "go.sum"}},
		{"exclusion, then included again", []string{"**/go.sum", "!dir/**", "dir/sub/go.sum"}, []string{"dir/sub/go.sum", "go.sum", "node_modules/x/go.sum"}},
		{"directory with all below", []string{"dir"}, []string{"dir/c.txt", "dir/sub/d.txt", "dir/sub/go.sum"}},
		{"directory with a slash", []string{"dir/sub/"}, []string{"dir/sub/d.txt", "dir/sub/go.sum"}},
		{"file with a slash is no directory", []string{"a.txt/"}, nil},
		{"double star at the end", []string{"dir/**"}, []string{"dir/c.txt", "dir/sub/d.txt", "dir/sub/go.sum"}},
		{"double star in the middle", []string{"dir/**/d.txt"}, []string{"dir/sub/d.txt"}},
		{"double star may be nothing", []string{"**/dir/**/c.txt"}, []string{"dir/c.txt"}},
		{"order of patterns", []string{"dir/c.txt", "a.txt"}, []string{"dir/c.txt", "a.txt"}},
		{"a file once", []string{"a.txt", "*.txt"}, []string{"a.txt", "b.txt", "a.txt"}},
		{"question mark and class", []string{"?.[st]xt", "[!b].sum"}, []string{"a.txt", "b.txt"}},
		{"class of a range", []string{"[a-b].txt"}, []string{"a.txt", "b.txt"}},
		{"escaped star", []string{`x\*y`}, []string{"x*y"}},
		{"star in a class", []string{`x[*]y`}, []string{"x*y"}},
		{"case matters", []string{"upper.txt"}, nil},
		{"names with a dot", []string{".hidden/*"}, []string{".hidden/h.txt"}},
		{"dot slash", []string{"./a.txt"}, []string{"a.txt"}},
		{"absolute", []string{root + "/a.txt"}, nil}, // the brackets of the path are a class here
		{"comment and blank lines", []string{"# a.txt\n\n  b.txt  "}, []string{"b.txt"}},
		{"outside of the workspace", []string{"/etc/hostname"}, nil},
		{"links to directories are not followed", []string{"link/*.txt"}, nil},
		{"unless asked", []string{"--follow-symbolic-links", "link/*.txt"}, []string{"dir/c.txt"}},
		{"nothing", []string{"nothing"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := hashFiles(t.Context(), root, "/nohome", test.patterns, func(w string) { t.Error(w) })
			if err != nil {
				t.Fatal(err)
			}
			equal(t, strings.Join(test.patterns, ","), got, combined(test.want...))
		})
	}
}

func TestHashFilesRefusesToClimb(t *testing.T) {
	for _, pattern := range []string{"../x", "a/../b", "a/./b", "..", "./.."} {
		if _, err := hashFiles(t.Context(), t.TempDir(), "", []string{pattern}, nil); err == nil {
			t.Errorf("%s is accepted", pattern)
		}
	}
}

func TestHashFilesEndsOnLinksThatLeadUp(t *testing.T) {
	root := t.TempDir()
	writeFiles(t, root, map[string]string{"a/f": "f"})
	if err := os.Symlink("..", filepath.Join(root, "a", "up")); err != nil {
		t.Fatal(err)
	}
	got, err := hashFiles(t.Context(), root, "", []string{"--follow-symbolic-links", "**"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "hash", got, combined("f"))
}

func TestHashFilesLeavesOutWhatIsNoFile(t *testing.T) { // EXP-12
	b := newBench(t, script("echo $H", env("H", expression("hashFiles('dir')"))))
	b.workspace(map[string]string{"dir/a": "a"})
	dir := filepath.Join(b.job.WorkDir, "hello", "hello", "dir")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "socket")})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	res := b.run()
	equal(t, "hash", b.output("s1"), combined("a")+"\n")
	equal(t, "conclusion", res.Steps[1].Conclusion, wire.Succeeded)
	var warnings []string
	for _, a := range res.Steps[1].Annotations {
		warnings = append(warnings, a.Message)
	}
	equal(t, "warnings", strings.Join(warnings, "\n"), strings.Join([]string{
		dir + "/link is left out: it is a named pipe, not a file",
		dir + "/pipe is left out: it is a named pipe, not a file",
		dir + "/socket is left out: it is a socket, not a file",
	}, "\n"))
}

func TestHashFilesInAStep(t *testing.T) {
	b := newBench(t,
		script("echo $H", env("H", expression("hashFiles('**/*.sum', '!x.sum')"))),
		script("echo ran", when("success() && hashFiles('nothing') == ''")),
	)
	b.workspace(map[string]string{"a.sum": "a", "x.sum": "x"})
	res := b.run()
	equal(t, "hash", b.output("s1"), combined("a")+"\n")
	equal(t, "conclusion", res.Steps[2].Conclusion, wire.Succeeded)
}

func FuzzGlobsNeverHang(f *testing.F) {
	f.Add("**/a*b*c*[!x-z]?**", "aaaabbbbbcccc/aaa")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		globs, err := parseGlobs(pattern, "/w", "/h")
		if err != nil {
			return
		}
		for _, g := range globs {
			p := g.start()
			for _, name := range names(path) {
				p = g.next(p, name)
			}
			g.done(p)
		}
	})
}
