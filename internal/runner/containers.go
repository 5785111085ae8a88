package runner

import (
	"context"
	"path/filepath"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/container"
)

// containersTimeout is how long the container engine may take to remove what a job has left.
const containersTimeout = time.Minute

// engine is what runs containers for the job, and what removes those that it leaves.
func (j *job) engine(ctx context.Context, d *directories, tracking string) (engine container.Engine, done func()) {
	c, err := j.r.containerConfig(d, tracking)
	if err != nil {
		return container.None{Reason: err}, func() {}
	}
	docker := container.New(c)
	return docker, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), containersTimeout)
		defer cancel()
		if err := docker.Close(ctx); err != nil {
			j.log().ErrorContext(ctx, "containers of the job may be left", "err", err)
		}
	}
}

// containerConfig is for a job with these directories; those of none are for no job.
func (r *Runner) containerConfig(d *directories, tracking string) (container.Config, error) {
	program, err := container.Find(r.cfg.ContainerEngine, r.cfg.Env)
	c := container.Config{
		Program: program, Env: r.cfg.Env, Runner: container.RunnerLabel(r.cfg.Root), Job: tracking, Policy: r.cfg.ContainerPolicy,
		Work: d.work, Temp: d.temp, Tools: d.tool, Nodes: container.FindNodes(r.cfg.Env, r.cfg.Node.First, r.cfg.Node.Last), Scratch: filepath.Join(r.cfg.Root, containersFolder), Log: r.cfg.Log,
	}
	if r.cfg.Isolation == User {
		c.Work, c.Temp, c.Tools = boxWork, boxWork+"/_temp", boxWork+"/_tool"
	}
	c.Places = []container.Place{{Seen: c.Tools, Real: d.tool}, {Seen: c.Work, Real: d.work}}
	return c, err
}

// removeContainers removes what a killed runner has left with the container engine. One that does not
// answer is no reason to take no jobs: the next job with containers tries again.
func (r *Runner) removeContainers(ctx context.Context) error {
	dir := filepath.Join(r.cfg.Root, containersFolder)
	if !container.Used(dir) {
		return r.makeEmpty(dir)
	}
	c, err := r.containerConfig(&directories{}, "")
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, containersTimeout)
		defer cancel()
		err = container.Clean(ctx, c)
	}
	if err != nil {
		r.cfg.Log.WarnContext(ctx, "containers of an earlier job may be left", "err", err)
		return nil
	}
	return r.makeEmpty(dir)
}
