package worker

import (
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// look finds a program in the PATH that the next step has, and remembers where
// it is.
func (r *running) look(program string) (file string, ok bool) {
	key := strings.Join(r.state.paths, ":") + "\x00" + program
	if file, ok = r.programs[key]; ok {
		return file, true
	}
	path := r.state.pathVariable(hostVariable(r.Host, "PATH"))
	if file, ok = r.Host.LookPath(program, path, r.Host.Inside(r.workspace)); ok {
		r.programs[key] = file
	}
	return file, ok
}

// hostVariable is a variable of the environment that processes start from, ""
// if it is not set.
func hostVariable(h host.Host, name string) string {
	for _, entry := range slices.Backward(h.Env()) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
