package host

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A Local runs processes on this machine, as the user that this process has.
type Local struct {
	env        []string
	trackingID string
	outputs    outputs
	children   *children // nil unless this process is the first of its namespace: see [NewFirst]
}

// NewLocal returns a host for one job. Processes start from the environment
// env, given as KEY=value, and carry the tracking id of the job. From then on
// this program ignores SIGPIPE, for the processes it starts inherit that: in a
// step of GitHub's runner a write to a closed pipe is an error and no signal.
func NewLocal(env []string, trackingID string) *Local {
	signal.Ignore(syscall.SIGPIPE)
	return &Local{env: env, trackingID: trackingID}
}

// Env implements [Host].
func (l *Local) Env() []string { return l.env }

// Inside implements [Host]: processes see the files of this machine as they are.
func (*Local) Inside(file string) string { return file }

// LookPath implements [Host].
func (*Local) LookPath(program, path, dir string) (file string, ok bool) {
	if program == "" || strings.ContainsRune(program, 0) {
		return "", false
	}
	if strings.Contains(program, "/") {
		if !filepath.IsAbs(program) {
			program = filepath.Join(dir, program)
		}
		return program, isProgram(program)
	}
	for _, d := range filepath.SplitList(path) {
		if !filepath.IsAbs(d) {
			continue
		}
		if file := filepath.Join(d, program); isProgram(file) {
			return file, true
		}
	}
	return "", false
}

// isProgram says whether a file is one, not whether it may be executed: as with
// GitHub's runner, one that may not hides another, and starting it says why.
func isProgram(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

// Run implements [Host].
func (l *Local) Run(ctx context.Context, p Process) (exitCode int, err error) {
	switch info, err := os.Stat(p.Dir); {
	case err != nil:
		return 0, ErrNoDirectory
	case !info.IsDir():
		return 0, syscall.ENOTDIR
	}
	exitCode, err = p.run(ctx, l.environ(p.Env), &l.outputs, l.children)
	if reason, ok := errors.AsType[*os.PathError](err); ok {
		err = reason.Err
	}
	return exitCode, err
}

// environ is an environment as programs get it, with the mark of the job.
func (l *Local) environ(vars map[string]string) []string {
	env := make([]string, 0, len(vars)+1)
	for name, value := range vars {
		if name != trackingVariable {
			env = append(env, name+"="+value)
		}
	}
	env = append(env, trackingVariable+"="+l.trackingID)
	slices.Sort(env)
	return env
}

// Close implements [Host].
func (l *Local) Close(ctx context.Context) []Leftover {
	s := sweep{find: func() []Leftover { return tracked(l.trackingID) }, pids: map[int]bool{}, kill: func(pid int) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}}
	if l.children != nil {
		s.find = others
	}
	for !s.look() && s.pause(ctx) == nil {
	}
	l.outputs.close()
	return s.seen
}
