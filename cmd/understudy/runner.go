package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/runner"
	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/server"
)

type runnerCommand struct {
	URL          string           `placeholder:"URL" help:"The repository, organization or enterprise to work for: http://HOST:3000/OWNER/REPO."`
	Token        string           `placeholder:"TOKEN" help:"Registration token; needed once. With - it is read from standard input, where no other user sees it."`
	JITConfig    string           `name:"jitconfig" placeholder:"TEXT" help:"Configuration from generate-jitconfig, in place of --url and --token. With - it is read from standard input."`
	Name         string           `placeholder:"NAME" help:"Name of the runner. Default: the host's name."`
	Labels       []string         `placeholder:"LABEL" help:"Labels besides self-hosted and the system's."`
	Ephemeral    bool             `help:"Take one job, then remove the runner."`
	Replace      bool             `help:"Take over the name of a runner that is registered already."`
	Remove       bool             `help:"Remove the runner from its server and forget its configuration. --token is a removal token then."`
	Work         string           `default:"./understudy-runner" placeholder:"DIR" help:"Directory of the runner: its configuration and the work of its jobs. Default: ${default}."`
	EnvFile      string           `placeholder:"FILE" help:"Lines NAME=VALUE: variables that jobs get besides those of the runner. Default: .env in the directory of the runner, if it is there; PATH is what .path says beside it."`
	Isolation    runner.Isolation `placeholder:"none|user|container[=IMAGE]" help:"What keeps jobs from the rest of this machine. user: a user and namespaces of their own. container: a container of their own, of IMAGE, which is node:24-bookworm unless it is said; it is pulled if it is not there. none: nothing, they run as the user of the runner. Default: user where that works, else none."`
	JobUID       int              `name:"job-uid" default:"60800" placeholder:"UID" help:"User of the jobs' processes with --isolation user, where the runner is root's: a number that no account has. Default: ${default}."`
	Hide         []string         `placeholder:"PATH" help:"Directory or file that jobs must not see with --isolation user, besides homes and the runner's own files. Repeatable."`
	Share        []string         `placeholder:"DIR" help:"Directory that jobs may write where it is with --isolation user or container. Repeatable."`
	JobMemory    server.Size      `default:"0" placeholder:"SIZE" help:"How much memory the processes of a job may have together, with --isolation user, where there are cgroups, or container; each of its containers has the same limit. Default: no limit."`
	JobCPUs      float64          `name:"job-cpus" default:"0" placeholder:"N" help:"How many processors' time a job may have, such as 1.5, with --isolation user, where there are cgroups, or container; each of its containers has the same limit. Default: no limit."`
	JobProcesses int              `default:"-1" placeholder:"N" help:"How many processes, each thread counted, a job may have at a time, with --isolation user or container, and each of its containers; 0 for no limit. Default: 4096 where there are cgroups."`
	Node         string           `placeholder:"DIR" help:"Directory of Node.js, before what is in the PATH: DIR/node24/bin/node and DIR/node20/bin/node, as beside GitHub's runner, or DIR/bin/node."`
	NodeLast     string           `hidden:"" placeholder:"DIR" help:"Likewise, after what is in the PATH."`
	OrphanAfter  time.Duration    `placeholder:"TIME" help:"End without a job once the server has been silent for this long; with one, try to report it for 24 hours. Default: wait without end."`
	Drain        time.Duration    `default:"30s" help:"On SIGTERM, how long a running job may take to end."`

	ContainerEngine string   `placeholder:"docker|podman|PATH|none" help:"Command line of the container engine, for container, services and Docker actions. Default: docker, else podman, where one of them is in PATH."`
	ContainerPolicy []string `placeholder:"WHAT" help:"What containers of jobs may have besides what is safe: privileged, capabilities, devices, host-namespaces, mounts, engine-socket, security-opt, options (all that are not known), or all. Repeatable. Default: nothing of that."`
}

// Run registers the runner where that is needed, and takes jobs until it is
// told to stop.
func (c *runnerCommand) Run(ctx context.Context, log *slog.Logger) error {
	if err := c.credential(os.Stdin); err != nil {
		return err
	}
	if c.Remove {
		return c.remove(ctx, log)
	}
	policy, err := container.ParsePolicy(c.ContainerPolicy)
	if err != nil {
		return err
	}
	env, err := runner.Environment(os.Environ(), c.Work, c.EnvFile)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	limits, err := c.isolate(ctx, log, env, self)
	if err != nil {
		return err
	}
	if err := c.configure(ctx, log); err != nil {
		return err
	}
	nodes, err := c.nodes()
	if err != nil {
		return err
	}
	r, err := runner.New(runner.Config{
		Root: c.Work, Version: version, Env: env, Node: nodes, Drain: c.Drain, OrphanAfter: c.OrphanAfter, Execute: worker.Run, Now: time.Now, Log: log,
		ContainerEngine: c.ContainerEngine, ContainerPolicy: policy,
		Isolation: c.Isolation, Sandbox: runner.Sandbox{UID: c.JobUID, Limits: limits, Hide: c.Hide, Share: c.Share, Args: workerArgs(), Program: self, Log: os.Stderr},
	})
	if errors.Is(err, runner.ErrNotConfigured) {
		return fmt.Errorf("no runner is configured in %s: give --url and --token", c.Work)
	}
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "runner listens", "name", r.Name(), "isolation", c.Isolation, "limits", limits)
	return r.Listen(ctx)
}

// nodes are where Node.js is. The one of the command line must be there.
func (c *runnerCommand) nodes() (dirs worker.NodeDirs, err error) {
	if c.Node != "" {
		if dirs.First, err = filepath.Abs(c.Node); err == nil {
			_, err = os.Stat(dirs.First)
		}
	}
	if c.NodeLast != "" && err == nil {
		dirs.Last, err = filepath.Abs(c.NodeLast) // it may come later
	}
	if err != nil {
		return dirs, fmt.Errorf("--node: %w", err)
	}
	return dirs, nil
}

// isolate decides what keeps jobs from the rest of the machine, where that was not
// said, and what each job may use. It refuses what does not work.
func (c *runnerCommand) isolate(ctx context.Context, log *slog.Logger, env []string, self string) (limits runner.Limits, err error) {
	limits = runner.Limits{Memory: int64(c.JobMemory), CPUs: c.JobCPUs, Processes: c.JobProcesses}
	if err := errors.Join(c.Isolation.Check(), limits.Check()); err != nil {
		return limits, err
	}
	switch c.Isolation.Kind() {
	case runner.None:
		return runner.SettleLimits(c.Isolation, nil, limits)
	case runner.Container:
		if err := container.Ready(ctx, c.ContainerEngine, env, c.Isolation.Image(), self); err != nil {
			return limits, fmt.Errorf("--isolation container does not work here: %w", err)
		}
		return runner.SettleLimits(c.Isolation, nil, limits)
	case runner.User:
	}
	if err := os.MkdirAll(c.Work, 0o700); err != nil {
		return limits, fmt.Errorf("--work: %w", err)
	}
	err = trySandbox(ctx, c.JobUID, c.Work)
	switch {
	case err == nil:
		c.Isolation = runner.User
	case c.Isolation == runner.User:
		return limits, fmt.Errorf("--isolation user does not work here: %w", err)
	default:
		log.WarnContext(ctx, "jobs run as the user of this runner", "err", err)
		c.Isolation = runner.None
	}
	return runner.SettleLimits(c.Isolation, err, limits)
}

func (c *runnerCommand) configure(ctx context.Context, log *slog.Logger) error {
	switch {
	case c.JITConfig != "":
		return runner.ConfigureJIT(c.Work, c.JITConfig)
	case runner.Configured(c.Work, c.URL):
		return nil
	case c.URL == "" || c.Token == "":
		return fmt.Errorf("no runner is configured in %s: give --url and --token (POST …/actions/runners/registration-token makes one)", c.Work)
	}
	return runner.Configure(ctx, runner.Options{
		Root: c.Work, URL: c.URL, Token: c.Token, Name: c.Name, Labels: c.Labels, Ephemeral: c.Ephemeral, Replace: c.Replace,
		Version: version, Log: log,
	})
}

func (c *runnerCommand) remove(ctx context.Context, log *slog.Logger) error {
	switch pid, running := runner.Running(c.Work); {
	case running:
		return fmt.Errorf("the runner in %s is running (process %d): stop it first", c.Work, pid)
	case c.Token == "":
		return errors.New("--remove needs a removal token: POST …/actions/runners/remove-token makes one")
	}
	err := runner.Unregister(ctx, runner.Options{Root: c.Work, Token: c.Token, Version: version, Log: log})
	if errors.Is(err, runner.ErrNotConfigured) {
		return fmt.Errorf("no runner is configured in %s", c.Work)
	}
	return err
}

// credential reads the one that is given on standard input, and takes one that is
// given otherwise out of sight: see [conceal].
func (c *runnerCommand) credential(stdin io.Reader) error {
	for _, given := range []struct {
		flag  string
		value *string
	}{{"--jitconfig", &c.JITConfig}, {"--token", &c.Token}} {
		switch *given.value {
		case "":
			continue
		case fromStdin:
			line, err := bufio.NewReader(io.LimitReader(stdin, maxCredential+1)).ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("%s -: %w", given.flag, err)
			}
			*given.value = strings.TrimSpace(line)
			return nil
		}
		return conceal(given.flag, *given.value)
	}
	return nil
}
