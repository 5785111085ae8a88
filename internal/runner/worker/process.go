package worker

import (
	"errors"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// process runs a program as a part of the step, whose log gets its output. The
// error is the context's when the step was stopped.
func (x *execution) process(p host.Process) (code int, err error) {
	if err := x.ctx.Err(); err != nil {
		return 0, err
	}
	p.Output = (&output{execution: x}).take
	p.Grace, p.Kill = x.job.timing.grace, x.job.hard.Done()
	code, err = x.job.Host.Run(x.ctx, p)
	switch {
	case errors.Is(err, host.ErrNoDirectory):
		return 0, startProblem(p, "No such file or directory")
	case err != nil:
		return 0, startProblem(p, err.Error())
	}
	return code, x.ctx.Err()
}

func startProblem(p host.Process, reason string) error {
	return problemf("An error occurred trying to start process '%s' with working directory '%s'. %s", p.Path, p.Dir, reason)
}

// baseEnv is a variable of the environment that processes start from.
func (r *running) baseEnv(name string) string {
	for _, entry := range slices.Backward(r.Host.Env()) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// look finds a program in the PATH that a step of the job has.
func (r *running) look(program string) (file string, ok bool) {
	key := strings.Join(r.paths, ":") + "\x00" + program
	if file, ok = r.programs[key]; ok {
		return file, true
	}
	if file, ok = r.Host.LookPath(program, r.pathFor(r.baseEnv("PATH")), r.Host.Inside(r.workspace)); ok {
		r.programs[key] = file
	}
	return file, ok
}
