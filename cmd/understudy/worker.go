package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/link"
	"github.com/understudy-ci/understudy/internal/runner/sandbox"
)

// A workerCommand is what a runner starts in a sandbox, for one job.
type workerCommand struct {
	Check bool `env:"-" help:"Only say whether that works."`
}

// Run executes the job. Signals are not for it: they could only come from the job.
func (c *workerCommand) Run(ctx context.Context, log *slog.Logger) error {
	if err := sandbox.Enter(); err != nil {
		return err
	}
	if c.Check {
		return sandbox.Check()
	}
	return link.Work(context.WithoutCancel(ctx), sandbox.File(0), log, time.Now)
}

// workerArgs are those with which a runner starts the command.
func workerArgs() []string { return []string{"worker"} }

// trySandbox says why jobs cannot be kept from the rest of this machine, nil if they
// can.
func trySandbox(ctx context.Context, uid int, dir string) error {
	return sandbox.Try(ctx, append(workerArgs(), "--check"), uid, dir)
}
