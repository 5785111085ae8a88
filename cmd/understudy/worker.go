package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/link"
	"github.com/understudy-ci/understudy/internal/runner/sandbox"
)

// A workerCommand is what a runner starts in a sandbox or a container, for one job.
type workerCommand struct {
	Check bool   `env:"-" help:"Only say whether that works."`
	Door  string `env:"-" placeholder:"DIR" help:"In a container: where the runner waits."`
}

// Run executes the job. Signals are not for it: they could only come from the job.
func (c *workerCommand) Run(ctx context.Context, log *slog.Logger) error {
	ctx = context.WithoutCancel(ctx)
	if c.Door != "" {
		inner, err := link.Enter(c.Door)
		if err != nil {
			return err
		}
		return link.Work(ctx, inner, os.Environ(), log, time.Now)
	}
	if err := sandbox.Enter(); err != nil {
		return err
	}
	if c.Check {
		return sandbox.Check()
	}
	return link.Work(ctx, sandbox.File(0), nil, log, time.Now)
}

// workerArgs are those with which a runner starts the command.
func workerArgs() []string { return []string{"worker"} }

// trySandbox says why jobs cannot be kept from the rest of this machine, nil if they
// can.
func trySandbox(ctx context.Context, uid int, dir string) error {
	return sandbox.Try(ctx, append(workerArgs(), "--check"), uid, dir)
}
