package runner

import (
	"context"
	"fmt"
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
			j.log().WarnContext(ctx, "containers of the job may be left", "err", err)
			j.r.keepRemoving(j.listening, []string{tracking})
		}
	}
}

// containerConfig is for a job with these directories; those of none are for no job.
func (r *Runner) containerConfig(d *directories, tracking string) (container.Config, error) {
	program, err := container.Find(r.cfg.ContainerEngine, r.cfg.Env)
	l := r.cfg.Sandbox.Limits
	c := container.Config{
		Program: program, Env: r.cfg.Env, Runner: container.RunnerLabel(r.cfg.Root), Job: tracking, Policy: r.cfg.ContainerPolicy, Limits: container.Limits{Memory: l.Memory, CPUs: l.CPUs, Processes: l.Processes},
		Work: d.work, Temp: d.temp, Tools: d.tool, Nodes: container.FindNodes(r.cfg.Env, r.cfg.Node.First, r.cfg.Node.Last), Scratch: filepath.Join(r.cfg.Root, containersFolder), Log: r.cfg.Log,
	}
	if r.cfg.Isolation.boxed() {
		c.Pin = container.SharesMounts(program, r.cfg.Env)

		c.Work, c.Temp, c.Tools = boxWork, boxWork+"/_temp", boxWork+"/_tool"
	}
	c.Places = []container.Place{{Seen: c.Tools, Real: d.tool}, {Seen: c.Work, Real: d.work}}
	return c, err
}

// clearContainers removes what a killed runner has left with the container engine. One that does not
// answer is no reason to take no jobs: it is asked again, until ctx ends.
func (r *Runner) clearContainers(ctx context.Context) error {
	dir := filepath.Join(r.cfg.Root, containersFolder)
	if err := container.Empty(dir); err != nil {
		return fmt.Errorf("what containers of an earlier job had: %w", err)
	}
	jobs := container.Left(dir)
	for i, id := range jobs {
		if err := r.removeContainers(ctx, id); err != nil {
			r.cfg.Log.WarnContext(ctx, "containers of an earlier job may be left", "err", err)
			r.keepRemoving(ctx, jobs[i:])
			break
		}
	}
	return nil
}

// removeContainers removes what a job has left, by its tracking id.
func (r *Runner) removeContainers(ctx context.Context, tracking string) error {
	c, err := r.containerConfig(&directories{}, tracking)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, containersTimeout)
	defer cancel()
	return container.Clean(ctx, c)
}

// keepRemoving removes what jobs have left once the engine answers again, beside the jobs that
// come. It ends with the listening: the next one begins with what is still there.
func (r *Runner) keepRemoving(ctx context.Context, jobs []string) {
	r.removals.wg.Go(func() {
		again := backoff{limit: engineWait}
		for _, id := range jobs {
			for r.removeContainers(ctx, id) != nil {
				if again.wait(ctx) != nil {
					return
				}
			}
		}
		r.cfg.Log.InfoContext(ctx, "containers of earlier jobs are removed", "jobs", len(jobs))
	})
}

// engineWait is the longest time between looks at an engine that does not answer.
const engineWait = 5 * time.Second
