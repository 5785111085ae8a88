package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/runner/container"
)

// containers are those that the job asks for, and its network once there is one.
type containers struct {
	list    []*jobContainer // the one that steps run in comes first, if there is one
	network string
}

// A jobContainer is one of `container` and `services`.
type jobContainer struct {
	spec               container.Spec
	username, password string
	id                 string // "" until it is created
	failed             bool   // its health check has not passed
}

// readContainers reads what the job asks for. An image that evaluates to nothing asks for
// none (RUN-10).
func (r *running) readContainers(rec *record) error {
	value, err := r.evaluate(r.Message.JobContainer)
	if err != nil {
		return err
	}
	if c := newContainer(value, container.Job, strings.ReplaceAll(uuid.NewString(), "-", "")); c != nil {
		r.containers.list = append(r.containers.list, c)
	}
	if len(r.containers.list) == 0 && hostVariable(r.Host, "ACTIONS_RUNNER_REQUIRE_JOB_CONTAINER") == "true" {
		return problemf("Jobs without a job container are forbidden on this runner, please add a 'container:' to your job or contact your self-hosted runner administrator.")
	}
	services, err := r.evaluate(r.Message.JobServiceContainers)
	if err != nil {
		return err
	}
	object, _ := services.(*expr.Object)
	for name, service := range object.All() {
		c := newContainer(service, container.Service, name)
		if c == nil {
			rec.print("The service '" + name + "' will not be started because the container definition has an empty image.")
			continue
		}
		c.spec.Alias = name
		r.containers.list = append(r.containers.list, c)
	}
	for _, c := range r.containers.list {
		r.state.mask.Add(c.password) // it may be no secret of the server
	}
	return nil
}

// imageOf is the image of a container, given alone or in a mapping.
func imageOf(container expr.Value) string {
	if object, ok := container.(*expr.Object); ok {
		container, _ = object.Get("image")
	}
	return strings.TrimPrefix(expr.String(container), "docker://")
}

// newContainer is nil if there is no image.
func newContainer(value expr.Value, role container.Role, alias string) *jobContainer {
	image := imageOf(value)
	if image == "" {
		return nil
	}
	c := &jobContainer{spec: container.Spec{Role: role, Image: image, Name: containerName(alias + "_" + sanitized(image))}}
	given, ok := value.(*expr.Object)
	if !ok {
		return c
	}
	for name, v := range object(given, "env").All() {
		c.spec.Env = append(c.spec.Env, container.Variable{Name: name, Value: expr.String(v)})
	}
	c.spec.Ports, c.spec.Volumes = texts(given, "ports"), texts(given, "volumes")
	c.spec.Options = text(given, "options")
	if credentials := object(given, "credentials"); credentials != nil {
		c.username, c.password = text(credentials, "username"), text(credentials, "password")
	}
	if role == container.Service {
		c.spec.Entrypoint, c.spec.Args = text(given, "entrypoint"), splitWords(text(given, "command"))
	}
	return c
}

// texts are the entries of a list.
func texts(o *expr.Object, key string) []string {
	v, _ := o.Get(key)
	list, _ := v.(*expr.Array)
	if list == nil {
		return nil
	}
	var out []string
	for _, item := range list.Items {
		out = append(out, expr.String(item))
	}
	return out
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_]`)

func sanitized(image string) string { return notInNames.ReplaceAllString(image, "") }

// containerName is a name that no other container has.
func containerName(base string) string {
	base = notInNames.ReplaceAllString(base, "_")
	return strings.TrimLeft(base[:min(len(base), 100)], "_") + "_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:6]
}

// engine is what runs containers.
func (r *running) engine() container.Engine {
	if r.Engine == nil {
		return container.None{Reason: container.Error("This runner has no container engine.")}
	}
	return r.Engine
}

// initialize is the step "Initialize containers".
func (x *execution) initialize() error {
	r := x.job
	stop := r.ownStep("Stop containers", (*execution).stopContainers)
	r.steps.addPost(&post{step: stop}, stop.display)
	if r.containerHooks() != "" {
		return x.prepareByHook()
	}
	if err := x.checkEngine(); err != nil {
		return err
	}
	x.record.print("##[group]Clean up resources from previous jobs")
	if _, err := x.command(container.Command{Do: container.Stale}); err != nil {
		return err
	}
	x.record.print("##[endgroup]", "##[group]Create local container network")
	network := "github_network_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	r.containers.network = network
	if _, err := x.must(container.Command{Do: container.MakeNetwork, ID: network}, "Docker network create failed with exit code %d"); err != nil {
		return err
	}
	r.contexts.setContainer("network", network)
	x.record.print("##[endgroup]")
	for _, c := range r.containers.list {
		if err := x.startContainer(c); err != nil {
			return err
		}
	}
	return x.awaitServices()
}

func (x *execution) checkEngine() error {
	x.record.print("##[group]Checking docker version")
	for _, side := range []struct {
		verb  container.Verb
		shown string
	}{{container.ServerVersion, "Docker daemon API version: "}, {container.ClientVersion, "Docker client API version: "}} {
		lines, err := x.must(container.Command{Do: side.verb}, "The container engine does not answer: its version cannot be asked for, exit code %d")
		if err != nil {
			return err
		}
		x.record.print(side.shown + last(lines))
	}
	x.record.print("##[endgroup]")
	return nil
}

func last(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// startContainer pulls the image of a container and starts it.
func (x *execution) startContainer(c *jobContainer) error {
	job := c.spec.Role == container.Job
	if job {
		x.record.print("##[group]Starting job container")
	} else {
		x.record.print("##[group]Starting " + c.spec.Alias + " service container")
	}
	if err := x.pull(c.spec.Image, c.username, c.password); err != nil {
		return err
	}
	c.spec.Network = x.job.containers.network
	if job {
		if err := x.job.makeContainerDirectories(); err != nil {
			return err
		}
		c.spec.Env = append(c.spec.Env, container.Variable{Name: "HOME", Value: x.job.insideContainer(filepath.Join(x.job.TempDir, "_github_home"))})
		c.spec.WorkDir = x.job.insideContainer(x.job.workspace)
		c.spec.Entrypoint, c.spec.Args = "tail", []string{"-f", "/dev/null"}
	}
	c.spec.Env = withDefaults(c.spec.Env)
	lines, err := x.must(container.Command{Do: container.Create, Spec: c.spec}, "Docker create failed with exit code %d")
	if err != nil {
		return err
	}
	c.id = last(lines)
	if _, err := x.must(container.Command{Do: container.Start, ID: c.id}, "Docker start fail with exit code %d"); err != nil {
		return err
	}
	if err := x.checkRunning(c); err != nil {
		return err
	}
	if job {
		err = x.enter(c)
	} else {
		err = x.describeService(c)
	}
	x.record.print("##[endgroup]")
	return err
}

// withDefaults are the variables of a container with those that each has.
func withDefaults(vars []container.Variable) []container.Variable {
	ci := false
	for _, v := range vars {
		ci = ci || v.Name == "CI"
	}
	vars = append(vars, container.Variable{Name: "GITHUB_ACTIONS", Value: "true"})
	if !ci {
		vars = append(vars, container.Variable{Name: "CI", Value: "true"})
	}
	return vars
}

func (r *running) insideContainer(file string) string {
	return container.Within(container.JobPaths(r.WorkDir, r.TempDir, r.ToolDir), file)
}

// makeContainerDirectories makes those that containers see besides the job's own.
func (r *running) makeContainerDirectories() error {
	for _, name := range []string{"_github_home", "_github_workflow", commandFilesDir} {
		if err := os.MkdirAll(filepath.Join(r.TempDir, name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// checkRunning shows why a container that was started does not run.
func (x *execution) checkRunning(c *jobContainer) error {
	lines, err := x.command(container.Command{Do: container.Running, ID: c.id})
	if err != nil {
		return err
	}
	if strings.HasPrefix(last(lines), c.id) {
		return nil
	}
	if _, err := x.command(container.Command{Do: container.Status, ID: c.id}); err != nil {
		return err
	}
	if _, err := x.command(container.Command{Do: container.Logs, ID: c.id}); err != nil {
		return err
	}
	x.record.warn(fmt.Sprintf("Docker container %s is not in running state.", c.id))
	return nil
}

// enter has the steps run in the container.
func (x *execution) enter(c *jobContainer) error {
	lines, err := x.command(container.Command{Do: container.Variables, ID: c.id})
	if err != nil {
		return err
	}
	vars := lines[:0]
	for _, line := range lines {
		if strings.Contains(line, "=") {
			vars = append(vars, line)
		}
	}
	h := &container.Host{
		Engine: x.job.engine(), ID: c.id, Vars: vars,
		Paths: container.JobPaths(x.job.WorkDir, x.job.TempDir, x.job.ToolDir),
	}
	if x.job.usesActions() {
		h.Nodes = x.nodesOf(c)
	}
	x.job.contexts.setContainer("id", c.id)
	x.job.inside = h
	x.job.useHost(h)
	return nil
}

// nodesOf are the versions of the runner's Node.js that run in the container, whose libraries may be
// others.
func (x *execution) nodesOf(c *jobContainer) []string {
	var works []string
	for _, version := range container.NodeVersions() {
		code, err := x.job.engine().Do(x.ctx, container.Command{
			Do: container.Exec, ID: c.id, Program: container.NodeAt(version), Args: []string{"--version"}, Dir: "/",
		}, container.Stream{Kill: x.job.kill.Done()})
		if code == 0 && err == nil {
			works = append(works, version)
		}
	}
	return works
}

func (r *running) usesActions() bool {
	return slices.ContainsFunc(r.list, isAction)
}

var publishedPort = regexp.MustCompile(`^(\d+)/\w+ -> .*:(\d+)$`)

// describeService puts a service into the context "job".
func (x *execution) describeService(c *jobContainer) error {
	lines, err := x.command(container.Command{Do: container.Ports, ID: c.id})
	if err != nil {
		return err
	}
	ports := expr.NewObject()
	for _, line := range lines {
		if m := publishedPort.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			ports.Set(m[1], m[2])
		}
	}
	x.job.contexts.setService(c.spec.Alias, expr.NewObject().Set("id", c.id).Set("ports", ports).Set("network", c.spec.Network))
	return nil
}

// awaitServices waits until the health checks of all services have passed.
func (x *execution) awaitServices() error {
	x.record.print("##[group]Waiting for all services to be ready")
	failed := false
	for _, c := range x.job.containers.list {
		if c.spec.Role != container.Service {
			continue
		}
		healthy, err := x.await(c)
		if err != nil {
			return err
		}
		c.failed = !healthy
		failed = failed || c.failed
	}
	x.record.print("##[endgroup]")
	if !failed {
		return nil
	}
	for _, c := range x.job.containers.list {
		if !c.failed {
			continue
		}
		x.record.print("##[group]Service container " + c.spec.Alias + " failed.")
		if _, err := x.command(container.Command{Do: container.Logs, ID: c.id}); err != nil {
			return err
		}
		x.record.fail("Failed to initialize container " + c.spec.Image)
		x.record.print("##[endgroup]")
	}
	return problemf("One or more containers failed to start.")
}

// await waits for the health check of a service, if it has one.
func (x *execution) await(c *jobContainer) (healthy bool, err error) {
	const longest = 32 * time.Second
	wait := x.job.timing.minute / 30
	for {
		lines, err := x.command(container.Command{Do: container.Health, ID: c.id})
		if err != nil {
			return false, err
		}
		switch status := strings.TrimSpace(last(lines)); {
		case status == "":
			return true, nil
		case strings.EqualFold(status, "healthy"):
			x.record.print(c.spec.Alias + " service is healthy.")
			return true, nil
		case !strings.EqualFold(status, "starting"):
			x.record.print(c.spec.Alias + " service is " + status + ".")
			return false, nil
		}
		x.record.print(fmt.Sprintf("%s service is starting, waiting %d seconds before checking again.", c.spec.Alias, int(wait/time.Second)))
		if err := x.pause(wait); err != nil {
			return false, err
		}
		wait = min(2*wait, longest)
	}
}

// pause waits, unless the step must stop.
func (x *execution) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-x.ctx.Done():
		return x.ctx.Err()
	}
}

// stopContainers is the step "Stop containers".
func (x *execution) stopContainers() error {
	r := x.job
	r.useHost(r.outside)
	if r.containerHooks() != "" {
		return x.cleanUpByHook()
	}
	for _, c := range r.containers.list {
		if c.id == "" {
			continue
		}
		if c.spec.Role == container.Service && !c.failed {
			x.record.print("Print service container logs: " + c.spec.Name)
			if _, err := x.command(container.Command{Do: container.Logs, ID: c.id}); err != nil {
				return err
			}
		}
		x.record.print("Stop and remove container: " + c.spec.Name)
		code, err := x.exitCode(container.Command{Do: container.Remove, ID: c.id})
		if err != nil {
			return err
		}
		if code != 0 {
			x.record.warn(fmt.Sprintf("Docker rm fail with exit code %d", code))
		}
	}
	if r.containers.network == "" {
		return nil
	}
	x.record.print("Remove container network: " + r.containers.network)
	code, err := x.exitCode(container.Command{Do: container.DropNetwork, ID: r.containers.network})
	if code != 0 && err == nil {
		x.record.warn(fmt.Sprintf("Docker network rm failed with exit code %d", code))
	}
	return err
}
