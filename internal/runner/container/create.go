package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// run runs a container to its end. It is gone afterwards, however it ended.
func (d *Docker) run(ctx context.Context, c *Command, s Stream) (int, error) {
	i, err := d.arguments(&c.Spec, "run", "--rm")
	if err != nil {
		return 0, err
	}
	exitCode, err := d.call(ctx, c, i, s)
	if ctx.Err() != nil || err != nil || killed(s.Kill) { // its client may have ended without it
		d.removeByName(ctx, c.Spec.Name)
	}
	return exitCode, err
}

func killed(kill <-chan struct{}) bool {
	select {
	case <-kill:
		return true
	default:
		return false
	}
}

// removeTime is how long the engine may take to remove something.
const removeTime = 30 * time.Second

func (d *Docker) removeByName(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	if _, err := d.own(ctx, "rm", "--force", "--volumes", name); err != nil {
		d.Log.DebugContext(ctx, "container not removed", "err", err) // mostly it is gone; else the end of the job removes it
	}
}

var containerID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// create creates a container and keeps its id, which it puts out last: the engine may warn
// before or after it prints that.
func (d *Docker) create(ctx context.Context, c *Command, s Stream) (int, error) {
	i, err := d.arguments(&c.Spec, "create")
	if err != nil {
		return 0, err
	}
	pass, id := s.Output, ""
	s.Output = func(batch []byte) {
		var others []byte
		for line := range bytes.Lines(batch) {
			if text := bytes.TrimSpace(line); containerID.Match(text) {
				id = string(text)
			} else {
				others = append(others, line...)
			}
		}
		if pass != nil && len(others) > 0 {
			pass(others)
		}
	}
	code, err := d.call(ctx, c, i, s)
	if id != "" {
		d.mu.Lock()
		d.containers[id] = true
		d.mu.Unlock()
		if pass != nil {
			pass([]byte(id + "\n"))
		}
	}
	return code, err
}

// arguments are those of run and create.
func (d *Docker) arguments(spec *Spec, verb ...string) (i invocation, err error) {
	if err := checkImage(spec.Image); err != nil {
		return i, err
	}
	if err := checkName(spec.Name); err != nil {
		return i, err
	}
	i.args = append(verb, "--name", spec.Name)
	i.args = append(i.args, d.labels()...)
	if spec.WorkDir != "" {
		i.args = append(i.args, "--workdir", spec.WorkDir)
	}
	options, more, err := d.options(spec.Options)
	if err != nil {
		return i, err
	}
	if err := d.join(&i, spec, options); err != nil {
		return i, err
	}
	for _, port := range spec.Ports {
		if !portMapping.MatchString(port) {
			return i, Error(fmt.Sprintf("'%s' is not a port of a container.", port))
		}
		i.args = append(i.args, "-p", port)
	}
	mounts, err := d.mounts(spec)
	if err != nil {
		return i, err
	}
	i.args = append(i.args, options...)
	if !d.Policy.Allows(Capabilities) && !d.Policy.Allows(Privileged) { // else root in it could make a device in the workspace
		i.args = append(i.args, "--cap-drop", "MKNOD")
	}
	i.shown = append(i.shown, i.args...)
	if err := d.addVariables(&i, spec.Env); err != nil {
		return i, err
	}
	rest := append(mounts, more...)
	if spec.Entrypoint != "" {
		rest = append(rest, "--entrypoint", spec.Entrypoint)
	}
	rest = append(append(rest, spec.Image), spec.Args...)
	i.args, i.shown = append(i.args, rest...), append(i.shown, rest...)
	return i, nil
}

// join has a container be in the network of its job, unless its options name another.
func (d *Docker) join(i *invocation, spec *Spec, options []string) error {
	for _, o := range options {
		if strings.HasPrefix(o, "--network=") || strings.HasPrefix(o, "--net=") {
			return nil
		}
	}
	if spec.Network == "" {
		return nil
	}
	d.mu.Lock()
	own := d.networks[spec.Network]
	d.mu.Unlock()
	if !own {
		return Error("The job has no such network.")
	}
	i.args = append(i.args, "--network", spec.Network)
	if spec.Alias == "" {
		return nil
	}
	i.args = append(i.args, "--network-alias", spec.Alias)
	return checkName(spec.Alias)
}

// portMapping is [[IP:]HOST:]CONTAINER[/PROTOCOL], where ports may be ranges.
var portMapping = regexp.MustCompile(`^((\d{1,3}(\.\d{1,3}){3}:|\[[0-9a-fA-F:]+\]:)?(\d{1,5}(-\d{1,5})?)?:)?\d{1,5}(-\d{1,5})?(/(tcp|udp|sctp))?$`)

// options are the arguments of `options`; volumes among them come apart.
func (d *Docker) options(text string) (args, volumes []string, err error) {
	list, err := parseOptions(text, d.Policy)
	if err != nil {
		return nil, nil, err
	}
	limits, err := d.Limits.arguments(list)
	if err != nil {
		return nil, nil, err
	}
	for _, o := range list {
		if o.name != "--volume" {
			args = append(args, o.argument())
			continue
		}
		v, err := d.volume(o.value)
		if err != nil {
			return nil, nil, err
		}
		volumes = append(volumes, "-v", v)
	}
	return append(args, limits...), volumes, nil
}

// mounts are the arguments by which a container sees what it may see.
func (d *Docker) mounts(spec *Spec) ([]string, error) {
	var args []string
	var errs []error
	bind := func(seen, at string) {
		real, err := d.real(seen)
		errs = append(errs, err)
		args = append(args, "-v", real+":"+at)
	}
	temp := func(name string) string { return filepath.Join(d.Temp, name) }
	switch spec.Role {
	case Job:
		bind(d.Work, workAt)
		bind(d.Tools, toolAt)
		bind(temp(homeDir), homeAt)
		bind(temp(eventDir), eventAt)
		for _, n := range d.Nodes {
			args = append(args, "-v", n.File+":"+NodeAt(n.Version)+":ro")
		}
	case Action:
		bind(temp(homeDir), homeAt)
		bind(d.Temp, tempAt)
		bind(temp(eventDir), eventAt)
		bind(temp(filesDir), filesAt)
		bind(spec.Workspace, spaceAt)
	case Service:
	default:
		return nil, Error(fmt.Sprintf("'%s' is not what a container may be to a job.", spec.Role))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if spec.Role != Service {
		args = append(args, d.socketMount()...)
	}
	for _, text := range spec.Volumes {
		v, err := d.volume(text)
		if err != nil {
			return nil, err
		}
		args = append(args, "-v", v)
	}
	return args, nil
}

const socket = "/var/run/docker.sock"

// socketMount shows the socket of the engine, where the policy allows that.
func (d *Docker) socketMount() []string {
	if !d.Policy.Allows(Socket) {
		return nil
	}
	if _, err := os.Stat(socket); err != nil {
		return nil
	}
	return []string{"-v", socket + ":" + socket}
}

var volumeMode = regexp.MustCompile(`^(:(ro|rw|RO|RW|z|Z|cached|delegated|consistent)(,(ro|rw|z|Z|cached|delegated|consistent))*)?$`)

var volumeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)

// volume is a volume as the engine gets it. A name stands for a volume that only this job has,
// and a path for one of the job's directories, unless the policy allows more.
func (d *Docker) volume(text string) (string, error) {
	source, target, mode := "", text, ""
	switch parts := strings.Split(text, ":"); {
	case len(parts) == 2 && (strings.EqualFold(parts[1], "ro") || strings.EqualFold(parts[1], "rw")):
		target, mode = parts[0], ":"+parts[1]
	case len(parts) == 2:
		source, target = parts[0], parts[1]
	case len(parts) == 3:
		source, target, mode = parts[0], parts[1], ":"+parts[2]
	case len(parts) > 3:
		return "", Error(fmt.Sprintf("'%s' is not a volume of a container.", text))
	}
	if !strings.HasPrefix(target, "/") {
		return "", Error(fmt.Sprintf("'%s' is not a volume of a container: '%s' is no absolute path.", text, target))
	}
	switch {
	case d.Policy.Allows(Mounts):
		return text, nil
	case !volumeMode.MatchString(mode):
		return "", refuse("volumes: "+text, Mounts)
	case source == "":
		return target + mode, nil
	case volumeName.MatchString(source):
		own, err := d.ownVolume(source)
		return own + ":" + target + mode, err
	}
	real, err := d.real(source)
	if err != nil {
		return "", refuse("volumes: "+text, Mounts)
	}
	return real + ":" + target + mode, nil
}

// ownVolume makes a volume that only this job has. Its label is by what it is removed.
func (d *Docker) ownVolume(name string) (string, error) {
	own := d.Job + "_" + name
	ctx, cancel := context.WithTimeout(context.Background(), removeTime)
	defer cancel()
	_, err := d.own(ctx, append(append([]string{"volume", "create"}, d.labels()...), own)...)
	return own, err
}
