package worker

import (
	"context"
	"errors"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// process runs a program as a part of the step, whose log gets its output. The
// error is the context's when the step was stopped.
func (x *execution) process(p host.Process) (code int, err error) {
	ctx, done, err := x.processContext()
	if err != nil {
		return 0, err
	}
	defer done()
	x.job.matchers.reset()
	p.Output = (&output{execution: x}).take
	p.Grace, p.Kill = x.job.timing.grace, x.job.kill.Done()
	if h, ok := x.job.Host.(*hookHost); ok {
		return x.scriptByHook(ctx, h, p)
	}
	return x.startAndWait(ctx, p)
}

func (x *execution) startAndWait(ctx context.Context, p host.Process) (code int, err error) {
	code, err = x.job.Host.Run(ctx, p)
	switch {
	case errors.Is(err, host.ErrNoDirectory):
		return 0, startProblem(p, "No such file or directory")
	case err != nil:
		reason := err.Error()
		return 0, startProblem(p, strings.ToUpper(reason[:min(1, len(reason))])+reason[min(1, len(reason)):])
	}
	return code, x.ctx.Err()
}

// processContext ends when a process of the step must stop. A step of an action that
// wants to run after the action's time limit gets a moment, as with GitHub's runner: it
// may have something small to put in order, and ends as timed out.
func (x *execution) processContext() (context.Context, context.CancelFunc, error) {
	err := x.ctx.Err()
	switch {
	case err == nil:
		return x.ctx, func() {}, nil
	case !errors.Is(x.limit.Err(), context.DeadlineExceeded) || x.job.kill.Err() != nil:
		return nil, nil, err
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(x.ctx), x.job.timing.late)
	return ctx, done, nil
}

func startProblem(p host.Process, reason string) error {
	return problemf("An error occurred trying to start process '%s' with working directory '%s'. %s", p.Path, p.Dir, reason)
}
