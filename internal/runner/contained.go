package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/link"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Where a job in a container of its own finds the runner's things.
const (
	doorDir = "/__understudy/door"
	nodeDir = "/__e"
)

// contain executes the job in a container of its own: its worker is the first process there.
func (j *job) contain(ctx context.Context, l *lease, d *directories, w *worker.Job, tracking string) *worker.Result {
	engine, ok := w.Engine.(*container.Docker)
	if !ok {
		_, err := w.Engine.Do(ctx, container.Command{}, container.Stream{})
		return j.failContainer(ctx, err)
	}
	result, err := j.runContained(ctx, engine, l, d, w, tracking)
	if err != nil {
		return j.failContainer(ctx, err)
	}
	return result
}

func (j *job) failContainer(ctx context.Context, err error) *worker.Result {
	j.log().ErrorContext(ctx, "container of the job failed", "err", err)
	return failure("The container of the job failed: " + err.Error())
}

func (j *job) runContained(ctx context.Context, engine *container.Docker, l *lease, d *directories, w *worker.Job, tracking string) (*worker.Result, error) {
	dir, err := os.MkdirTemp(engine.Scratch, "door-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // at worst it goes with the scratch directory
	door, err := link.NewDoor(dir)
	if err != nil {
		return nil, err
	}
	b, err := engine.StartBox(ctx, j.boxSpec(engine, d, dir))
	if err != nil {
		return nil, errors.Join(err, door.Close())
	}
	defer b.Kill(ctx) // it has ended mostly
	defer context.AfterFunc(ctx, func() {
		late := time.AfterFunc(killGrace, func() { b.Kill(ctx) })
		<-b.Done()
		late.Stop()
	})()
	outer, err := door.Accept(b.Done())
	if err != nil {
		return nil, errors.Join(errors.New(b.State()), err)
	}
	task := boxTask(w, tracking)
	task.Env = containedEnv(j.r.cfg.Env)
	task.Node = worker.NodeDirs{Last: nodeDir}
	if j.r.cfg.Node.First != "" { // the operator wants it rather than the image's
		task.Node = worker.NodeDirs{First: nodeDir}
	}
	result, err := link.Serve(ctx, outer, j.linkConfig(l, d, w, task), b.Done())
	switch {
	case !errors.Is(err, link.ErrEnded):
		return result, err
	case ctx.Err() != nil: // it was killed
		return &worker.Result{Conclusion: wire.Canceled}, nil
	}
	j.log().ErrorContext(ctx, "container of the job ended unexpectedly", "state", b.State())
	return failure("The container of the job ended unexpectedly: " + b.State() + "."), nil
}

func (j *job) boxSpec(engine *container.Docker, d *directories, door string) container.BoxSpec {
	s := j.r.cfg.Sandbox
	spec := container.BoxSpec{
		Image: j.r.cfg.Isolation.Image(), Args: append(append([]string{}, s.Args...), "--door", doorDir),
		Mounts: []container.Mount{
			{Source: s.Program, Target: container.ProgramAt, ReadOnly: true},
			{Source: door, Target: doorDir},
			{Source: d.home, Target: boxHome},
			{Source: d.work, Target: boxWork},
			{Source: d.tool, Target: boxWork + "/_tool"},
		},
		Output: func(text []byte) {
			if s.Log != nil {
				_, _ = s.Log.Write(text) // nobody else to tell
			}
		},
	}
	for _, path := range s.Share {
		spec.Mounts = append(spec.Mounts, container.Mount{Source: path, Target: path})
	}
	for _, n := range engine.Nodes {
		spec.Mounts = append(spec.Mounts, container.Mount{Source: n.File, Target: filepath.Join(nodeDir, n.Version, "bin", "node"), ReadOnly: true})
	}
	return spec
}

// containedEnv are the variables of the runner that count in a container, too: not those that say where things are on
// this machine.
func containedEnv(env []string) []string {
	own := []string{"HOME=" + boxHome}
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_", "HOSTNAME", "TERM":
		default:
			if !strings.HasPrefix(name, "DOCKER_") && !strings.HasPrefix(name, "CONTAINER_") && !strings.HasPrefix(name, "CONTAINERS_") {
				own = append(own, entry)
			}
		}
	}
	return own
}
