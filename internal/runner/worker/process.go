package worker

import (
	"errors"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// process runs a program as a part of the step, whose log gets its output. The
// error is the context's when the step was stopped.
func (x *execution) process(p host.Process) (code int, err error) {
	if err := x.ctx.Err(); err != nil {
		return 0, err
	}
	x.job.matchers.reset()
	p.Output = (&output{execution: x}).take
	p.Grace, p.Kill = x.job.timing.grace, x.job.kill.Done()
	code, err = x.job.Host.Run(x.ctx, p)
	switch {
	case errors.Is(err, host.ErrNoDirectory):
		return 0, startProblem(p, "No such file or directory")
	case err != nil:
		reason := err.Error()
		return 0, startProblem(p, strings.ToUpper(reason[:min(1, len(reason))])+reason[min(1, len(reason)):])
	}
	return code, x.ctx.Err()
}

func startProblem(p host.Process, reason string) error {
	return problemf("An error occurred trying to start process '%s' with working directory '%s'. %s", p.Path, p.Dir, reason)
}
