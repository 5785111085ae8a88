package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// A Place is a directory of the job: where its worker sees it, and where it is.
type Place struct{ Seen, Real string }

// Config is what the engine of a job needs.
type Config struct {
	Program string   // the engine's command line: absolute
	Env     []string // of that; nothing of the job's
	Runner  string   // tells this runner from all others of the machine
	Job     string   // the job's tracking id
	Policy  Policy
	Limits  Limits  // of each container
	Places  []Place // of all directories of the job; one that is in another comes first
	Pin     bool    // the job may not see more of this machine than these, and would if it could

	Work, Temp, Tools string // directories, as the worker sees them

	Nodes   []Node
	Scratch string // a directory that the job does not see
	Log     *slog.Logger
}

// Docker is an [Engine] that runs the command line of docker, or of what takes the same
// arguments.
type Docker struct {
	Config
	host *host.Local

	mu         sync.Mutex
	containers map[string]bool // of the job, by id
	networks   map[string]bool
	images     map[string]bool // that were built
	pins       []pin
	used       bool
}

// New returns an engine for one job.
func New(c Config) *Docker {
	return &Docker{
		Config: c, host: host.NewLocal(c.Env, c.Job), containers: map[string]bool{}, networks: map[string]bool{},
		images: map[string]bool{},
	}
}

// Find looks for the engine that --container-engine names: docker, podman or a path; ""
// is docker, else podman.
func Find(name string, env []string) (program string, err error) {
	names := []string{name}
	if name == "" {
		names = []string{"docker", "podman"}
	}
	path := ""
	for _, entry := range env {
		if v, ok := strings.CutPrefix(entry, "PATH="); ok {
			path = v
		}
	}
	for _, n := range names {
		if n == "none" {
			break
		}
		if file, ok := (*host.Local)(nil).LookPath(n, path, "/"); ok {
			return file, nil
		}
	}
	switch name {
	case "none":
		return "", Error("The operator of this runner lets no job have containers: --container-engine none.")
	case "":
		return "", Error("This runner finds no container engine: neither docker nor podman is in its PATH. --container-engine says where one is.")
	}
	return "", Error(fmt.Sprintf("This runner finds no container engine: there is no '%s', which --container-engine names.", name))
}

// An invocation is one call of the engine's program.
type invocation struct {
	args  []string
	shown []string // in place of args; nil for args
	env   []Variable
	dir   string
	files []string // to be removed afterwards
}

// Do implements [Engine].
func (d *Docker) Do(ctx context.Context, c Command, s Stream) (exitCode int, err error) {
	if err := d.begin(); err != nil {
		return 0, err
	}
	switch c.Do {
	case Stale:
		return 0, d.removeStale(ctx, s)
	case Run:
		return d.run(ctx, &c, s)
	case Exec:
		return d.exec(ctx, &c, s)
	case Create:
		return d.create(ctx, &c, s)
	case Build:
		return d.build(ctx, &c, s)
	case Pull:
		return d.pull(ctx, &c, s)
	default: // the others need nothing but a name
	}
	args, err := d.simple(&c)
	if err != nil {
		return 0, err
	}
	if c.Do == Health && d.podman() { // it leaves its health checks to systemd, which may not be there
		_, _ = d.own(ctx, "healthcheck", "run", c.ID) // without a check it fails
	}
	exitCode, err = d.call(ctx, &c, invocation{args: args}, s)
	d.note(&c, exitCode == 0 && err == nil)
	return exitCode, err
}

// podman says whether the engine is podman, which differs in a few commands.
func (d *Docker) podman() bool { return strings.Contains(filepath.Base(d.Program), "podman") }

// begin notes that there may be something to remove, for a runner that is killed.
func (d *Docker) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.used {
		return nil
	}
	if err := os.WriteFile(filepath.Join(d.Scratch, usedPrefix+d.Job), nil, 0o600); err != nil {
		return err
	}
	d.used = true
	return nil
}

// simple are the arguments of commands that need nothing but a name.
func (d *Docker) simple(c *Command) ([]string, error) {
	switch c.Do {
	case ServerVersion:
		if d.podman() { // it is its own server
			return []string{"version", "--format", "{{.Client.APIVersion}}"}, nil
		}
		return []string{"version", "--format", "{{.Server.APIVersion}}"}, nil
	case ClientVersion:
		return []string{"version", "--format", "{{.Client.APIVersion}}"}, nil
	case HasImage:
		return []string{"image", "inspect", "--format", "{{.Id}}", c.Image}, checkImage(c.Image)
	case MakeNetwork:
		return append(append([]string{"network", "create"}, d.labels()...), c.ID), checkName(c.ID)
	default: // is about something that the job has
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.Do == DropNetwork {
		if !d.networks[c.ID] {
			return nil, Error("The job has no such network.")
		}
		return []string{"network", "rm", c.ID}, nil
	}
	if !d.containers[c.ID] {
		return nil, Error("The job has no such container.")
	}
	switch c.Do {
	case Start:
		return []string{"start", c.ID}, nil
	case Running:
		return []string{"ps", "--all", "--filter", "id=" + c.ID, "--filter", "status=running", "--no-trunc", "--format", "{{.ID}} {{.Status}}"}, nil
	case Status:
		return []string{"ps", "--all", "--filter", "id=" + c.ID, "--no-trunc", "--format", "{{.ID}} {{.Status}}"}, nil
	case Variables:
		return []string{"inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", c.ID}, nil
	case Health:
		return []string{"inspect", "--format", "{{if .Config.Healthcheck}}{{print .State.Health.Status}}{{end}}", c.ID}, nil
	case Ports:
		return []string{"port", c.ID}, nil
	case Logs:
		return []string{"logs", "--tail", "1000", c.ID}, nil
	case Remove:
		return []string{"rm", "--force", "--volumes", c.ID}, nil
	default:
		return nil, Error(fmt.Sprintf("There is no command '%s' of containers.", c.Do))
	}
}

// note keeps what the job has.
func (d *Docker) note(c *Command, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case c.Do == MakeNetwork:
		d.networks[c.ID] = true
	case c.Do == DropNetwork && ok:
		delete(d.networks, c.ID)
	case c.Do == Remove && ok:
		delete(d.containers, c.ID)
	}
}

// call runs the engine's program.
func (d *Docker) call(ctx context.Context, c *Command, i invocation, s Stream) (exitCode int, err error) {
	defer func() {
		for _, file := range i.files {
			_ = os.RemoveAll(file) // at worst it goes with the scratch directory
		}
	}()
	if s.Shown != nil {
		shown := i.shown
		if shown == nil {
			shown = i.args
		}
		shown = d.unpinned(shown)
		s.Shown("##[command]" + d.Program + " " + strings.Join(quoted(shown), " "))
	}
	env := map[string]string{}
	for _, entry := range d.Env {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	for _, v := range i.env {
		env[v.Name] = v.Value
	}
	if i.dir == "" {
		i.dir = "/"
	}
	exitCode, err = d.host.Run(ctx, host.Process{
		Path: d.Program, Args: i.args, Dir: i.dir, Env: env, Output: func(b []byte) {
			if s.Output != nil {
				s.Output(b)
			}
		},
		Grace: c.grace(), Kill: s.Kill,
	})
	if err != nil {
		err = Error(fmt.Sprintf("The container engine '%s' cannot be started: %v", d.Program, err))
	}
	return exitCode, err
}

// quoted are arguments as people may copy them into a shell.
func quoted(args []string) []string {
	list := make([]string, 0, len(args))
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n\"'$`\\*?[]{}()<>|&;#") {
			a = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a) + `"`
		}
		list = append(list, a)
	}
	return list
}

// own runs the engine's program for the runner itself and returns the words it prints.
func (d *Docker) own(ctx context.Context, args ...string) ([]string, error) {
	var text strings.Builder
	code, err := d.call(ctx, &Command{Terminate: time.Second}, invocation{args: args}, Stream{Output: func(b []byte) {
		if text.Len() < maxOwn {
			text.Write(b)
		}
	}})
	if err == nil && code != 0 {
		err = fmt.Errorf("%s %s: exit code %d: %s", d.Program, args[0], code, strings.TrimSpace(text.String()))
	}
	return strings.Fields(text.String()), errors.Join(err, ctx.Err())
}

const maxOwn = 16 << 20 // bytes that are looked at
