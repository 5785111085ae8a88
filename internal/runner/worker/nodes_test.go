package worker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// fakeNode is a program that says where it is.
func fakeNode(t *testing.T, parts ...string) string {
	t.Helper()
	file := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\necho \"by $0\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestActionsRunByTheNodeThatTheyAskFor(t *testing.T) {
	t.Parallel()
	first, last, path := t.TempDir(), t.TempDir(), t.TempDir()
	plain := fakeNode(t, path, "node")
	first20, first24 := fakeNode(t, first, "node20", "bin", "node"), fakeNode(t, first, "node24", "bin", "node")
	last24 := fakeNode(t, last, "node24", "bin", "node")
	named := t.TempDir()
	fakeNode(t, named, "node")
	named24 := fakeNode(t, named, "node24")
	whole := t.TempDir()
	wholeNode := fakeNode(t, whole, "bin", "node")
	for name, c := range map[string]struct {
		using, path string
		dirs        NodeDirs
		want        string
	}{
		"a version of the first directory":        {"node24", path, NodeDirs{first, last}, first24},
		"the older one":                           {"node20", path, NodeDirs{first, last}, first20},
		"one that is not maintained":              {"node16", path, NodeDirs{First: first}, first20},
		"one that is maintained even less":        {"node12", path, NodeDirs{First: first}, first20},
		"a directory of one Node.js":              {"node24", path, NodeDirs{First: whole}, wholeNode},
		"the PATH before what was installed":      {"node24", path, NodeDirs{Last: last}, plain},
		"a name of the PATH":                      {"node24", named, NodeDirs{}, named24},
		"what was installed":                      {"node24", "/nowhere", NodeDirs{Last: last}, last24},
		"a newer one where there is no older one": {"node20", "/nowhere", NodeDirs{Last: last}, last24},
		"a directory without it":                  {"node24", path, NodeDirs{First: t.TempDir()}, plain},
		"none":                                    {"node24", "/nowhere", NodeDirs{Last: "/nowhere/else"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, uses("./act"))
			b.job.Node = c.dirs
			b.job.Host = host.NewLocal([]string{"PATH=" + c.path, "HOME=" + t.TempDir()}, host.NewTrackingID())
			b.workspace(map[string]string{"act/action.yml": "name: x\ndescription: x\nruns: {using: " + c.using + ", main: main.js}\n", "act/main.js": ""})
			result := b.run()
			if c.want == "" {
				equal(t, "conclusion", result.Conclusion, wire.Failed)
				contains(t, "the log", b.output("s1"), "node: command not found", "--node directory", "understudy admin node install")
				return
			}
			equal(t, "conclusion", result.Conclusion, wire.Succeeded)
			contains(t, "the log", b.output("s1"), "by "+c.want)
		})
	}
}
