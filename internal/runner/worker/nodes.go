package worker

import "path/filepath"

// NodeDirs are directories of Node.js, besides those of the PATH. In each a version is
// in node24/bin/node, as beside GitHub's own runner; what is in bin/node is for all.
type NodeDirs struct {
	First string // looked at before the PATH; empty for none
	Last  string // looked at after it; need not be there
}

// nodeVersions are what an action may run by, the best first. Those that want one that is
// no longer maintained get the oldest that is, as on GitHub's runner.
func nodeVersions(using string) []string {
	switch using {
	case "node12", "node16", "node20":
		return []string{"node20", "node24"}
	}
	return []string{using}
}

// findNode finds the Node.js for an action whose `using` is given; dir is where it will run.
func (r *running) findNode(using, dir string) (string, bool) {
	versions := nodeVersions(using)
	if r.Host != r.outside {
		return r.inside.FindNode(versions), true
	}
	path := hostVariable(r.Host, "PATH")
	in := func(root string) (string, bool) {
		if root == "" {
			return "", false
		}
		for _, v := range versions {
			if file, ok := r.Host.LookPath(filepath.Join(root, v, "bin", "node"), "", dir); ok {
				return file, true
			}
		}
		return r.Host.LookPath(filepath.Join(root, "bin", "node"), "", dir)
	}
	if file, ok := in(r.Node.First); ok {
		return file, true
	}
	for _, name := range append(versions, "node") {
		if file, ok := r.Host.LookPath(name, path, dir); ok {
			return file, true
		}
	}
	if file, ok := in(r.Node.Last); ok {
		return file, true
	}
	return r.look("node") // of a step
}
