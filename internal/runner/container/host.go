package container

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// A Host runs processes in a container that a job has. It implements [host.Host].
type Host struct {
	Engine Engine
	ID     string   // of the container
	Vars   []string // that processes in it start with, as KEY=value
	Paths  []Path   // one that is in another comes first
	Nodes  []string // versions of the runner's Node.js that are there and work
}

// A Path says where processes see a directory.
type Path struct{ Here, Inside string }

// JobPaths are those of a job's own container. Directories are as the worker sees them.
func JobPaths(work, temp, tools string) []Path {
	return []Path{{temp + "/" + homeDir, homeAt}, {temp + "/" + eventDir, eventAt}, {tools, toolAt}, {work, workAt}}
}

// ActionPaths are those of a container of an action.
func ActionPaths(temp, workspace string) []Path {
	return []Path{{temp + "/" + homeDir, homeAt}, {temp + "/" + eventDir, eventAt}, {temp + "/" + filesDir, filesAt}, {temp, tempAt}, {workspace, spaceAt}}
}

// Within is the path by which processes see a file, or the path as it is.
func Within(paths []Path, file string) string {
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(file, p.Here); ok && (rest == "" || rest[0] == '/') {
			return p.Inside + rest
		}
	}
	return file
}

// Env implements [host.Host].
func (h *Host) Env() []string { return h.Vars }

// LookPath implements [host.Host]. The container finds its programs itself.
func (h *Host) LookPath(program, _, _ string) (file string, ok bool) {
	return program, program != ""
}

// FindNode is the program that an action runs by: the runner's of the best version that is there, else
// the container's own.
func (h *Host) FindNode(versions []string) string {
	for _, v := range versions {
		if slices.Contains(h.Nodes, v) {
			return NodeAt(v)
		}
	}
	return "node"
}

// Inside implements [host.Host].
func (h *Host) Inside(file string) string { return Within(h.Paths, file) }

// Run implements [host.Host].
func (h *Host) Run(ctx context.Context, p host.Process) (exitCode int, err error) {
	vars := make([]Variable, 0, len(p.Env))
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		vars = append(vars, Variable{name, h.Inside(p.Env[name])})
	}
	return h.Engine.Do(ctx, Command{
		Do: Exec, ID: h.ID, Program: p.Path, Args: p.Args, Dir: p.Dir, Env: vars,
		Interrupt: p.Grace.Interrupt, Terminate: p.Grace.Terminate, Output: p.Grace.Output,
	}, Stream{Output: p.Output, Kill: p.Kill})
}

// Close implements [host.Host]. What is left ends with the container.
func (*Host) Close(context.Context) []host.Leftover { return nil }
