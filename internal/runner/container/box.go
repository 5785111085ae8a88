package container

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// StandardImage is the one of jobs that are in a container of their own, where the operator names none: it has git, Node.js,
// Python and compilers.
const StandardImage = "node:24-bookworm"

// ProgramAt is where the worker of a job finds its program in its container.
const ProgramAt = "/__understudy/program"

// A Box is a container that a job runs in as a whole: its worker, and all that this starts. It has the network
// of the machine.
type Box struct {
	engine *Docker
	name   string
	done   chan struct{}

	mu   sync.Mutex
	tail []byte // of what it has printed
	code int
	err  error
}

// A BoxSpec describes a box. It is the operator's, but for directories that the runner has made.
type BoxSpec struct {
	Image  string
	Args   []string // of the program at [ProgramAt]
	Mounts []Mount
	Output func(text []byte) // gets what the program prints, as long as it runs
}

// A Mount is a file or directory of this machine, at a place in a container.
type Mount struct {
	Source, Target string
	ReadOnly       bool
}

func (m Mount) argument() string {
	if m.ReadOnly {
		return m.Source + ":" + m.Target + ":ro"
	}
	return m.Source + ":" + m.Target
}

// StartBox starts a box with root as its user, whatever the image says, as the directories of the job are of the runner.
func (d *Docker) StartBox(ctx context.Context, spec BoxSpec) (*Box, error) {
	if err := checkImage(spec.Image); err != nil {
		return nil, err
	}
	if err := d.begin(); err != nil {
		return nil, err
	}
	b := &Box{engine: d, name: "understudy_job_" + strings.ReplaceAll(uuid.NewString(), "-", ""), done: make(chan struct{})}
	// It has not the label of the runner: the job in it removes what that has from earlier jobs.
	args := []string{"run", "--rm", "--name", b.name, "--label", jobLabel + "=" + d.Job, "--pull=never", "--user=0:0", "--network=host", "--workdir=/"}
	limits, err := d.Limits.arguments(nil)
	if err != nil {
		return nil, err
	}
	args = append(args, limits...)
	if !d.Policy.Allows(Capabilities) && !d.Policy.Allows(Privileged) {
		args = append(args, "--cap-drop", "MKNOD")
	}
	for _, m := range spec.Mounts {
		args = append(args, "-v", m.argument())
	}
	args = append(append(args, d.socketMount()...), "--entrypoint", ProgramAt, spec.Image)
	args = append(args, spec.Args...)
	go func() {
		defer close(b.done)
		code, err := d.call(context.WithoutCancel(ctx), &Command{}, invocation{args: args}, Stream{Output: func(text []byte) {
			b.keep(text)
			spec.Output(text)
		}})
		b.mu.Lock()
		defer b.mu.Unlock()
		b.code, b.err = code, err
	}()
	return b, nil
}

const maxTail = 2000 // bytes

func (b *Box) keep(text []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tail = append(b.tail, text...)
	if over := len(b.tail) - maxTail; over > 0 {
		b.tail = bytes.Clone(b.tail[over:])
	}
}

// Done is closed when the box has ended.
func (b *Box) Done() <-chan struct{} { return b.done }

// Kill ends the box at once.
func (b *Box) Kill(ctx context.Context) { b.engine.removeByName(ctx, b.name) }

// State says how the box has ended.
func (b *Box) State() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err.Error()
	}
	text := fmt.Sprintf("exit code %d", b.code)
	if tail := strings.TrimSpace(string(b.tail)); tail != "" {
		text += ": " + tail
	}
	return text
}

// Ready says why jobs cannot be in containers of an image here, nil if they can. An image that is not there is pulled.
func Ready(ctx context.Context, engine string, env []string, image, program string) error {
	d, err := asked(ctx, engine, env)
	if err != nil {
		return err
	}
	if _, err := d.own(ctx, "image", "inspect", "--format", "{{.Id}}", image); err != nil {
		if _, err = d.own(ctx, "pull", "--quiet", image); err != nil {
			return fmt.Errorf("the image %s is not on this machine and cannot be pulled. Name one that is, --isolation container=IMAGE (%s images lists them), "+
				"or bring one here: %s load, or, of a directory with a system, %s import: %w", image, d.Program, d.Program, d.Program, err)
		}
	}
	args := []string{"run", "--rm", "--pull=never", "--user=0:0", "--network=none", "-v", program + ":" + ProgramAt + ":ro", "--entrypoint", ProgramAt, image, "version"}
	if _, err := d.own(ctx, args...); err != nil {
		return fmt.Errorf("this program does not run in the image %s%s: %w", image, needs(program), err)
	}
	return nil
}

// Answers says why there is no container engine here, nil if there is one.
func Answers(ctx context.Context, engine string, env []string) error {
	_, err := asked(ctx, engine, env)
	return err
}

// asked is an engine that answers.
func asked(ctx context.Context, engine string, env []string) (*Docker, error) {
	program, err := Find(engine, env)
	if err != nil {
		return nil, err
	}
	d := New(Config{Program: program, Env: env})
	if _, err = d.own(ctx, "version"); err != nil {
		return nil, fmt.Errorf("the container engine does not answer: %w", err)
	}
	return d, nil
}

// needs says what a program needs of an image, "" if that is nothing.
func needs(program string) string {
	f, err := elf.Open(program)
	if err != nil {
		return ""
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err = errors.Join(err, f.Close()); err != nil || len(libraries) == 0 {
		return ""
	}
	return " (it needs " + strings.Join(libraries, ", ") + ": build it with CGO_ENABLED=0)"
}
