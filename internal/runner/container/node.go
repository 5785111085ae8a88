package container

import (
	"debug/elf"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// A Node is a node program of this machine that containers get, under the name of a version.
type Node struct{ Version, File string }

// NodeVersions are those that actions run by.
func NodeVersions() []string { return []string{"node20", "node24"} }

// NodeAt is where the runner's Node.js of a version is in a job's container.
func NodeAt(version string) string { return "/__e/" + version + "/bin/node" }

// FindNodes looks for Node.js as the worker does: in a directory, in the PATH of an environment, in
// another directory. It finds those that containers can have: a file of its own that needs no library
// of Node.js, as those of nodejs.org.
func FindNodes(env []string, first, last string) []Node {
	path := ""
	for _, entry := range env {
		if v, ok := strings.CutPrefix(entry, "PATH="); ok {
			path = v
		}
	}
	var nodes []Node
	for _, version := range NodeVersions() {
		for _, c := range []struct{ program, path string }{
			{below(first, version, "bin", "node"), ""},
			{below(first, "bin", "node"), ""},
			{version, path},
			{"node", path},
			{below(last, version, "bin", "node"), ""},
			{below(last, "bin", "node"), ""},
		} {
			file, ok := (*host.Local)(nil).LookPath(c.program, c.path, "/")
			if !ok {
				continue
			}
			if file, ok = standsAlone(file); ok {
				nodes = append(nodes, Node{version, file})
				break
			}
		}
	}
	return nodes
}

// below is a path in a directory, "" if there is none.
func below(dir string, names ...string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(append([]string{dir}, names...)...)
}

// standsAlone says where a program really is, and whether it needs no library of Node.js.
func standsAlone(file string) (real string, ok bool) {
	file, err := filepath.EvalSymlinks(file)
	if err != nil || strings.Contains(file, ":") {
		return "", false
	}
	program, err := elf.Open(file)
	if err != nil { // a script that looks for the real one
		return "", false
	}
	defer program.Close()
	libraries, err := program.ImportedLibraries()
	for _, lib := range libraries {
		if strings.HasPrefix(lib, "libnode") {
			return "", false
		}
	}
	return file, err == nil
}
