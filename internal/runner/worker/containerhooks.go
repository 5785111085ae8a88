package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/host"
)

// Container hooks are a script of the operator that has containers in place of the engine: ACTIONS_RUNNER_CONTAINER_HOOKS
// names its file. It is called with a command as JSON on its standard input, and writes what it has to say to a file.
const containerHooksVariable = "ACTIONS_RUNNER_CONTAINER_HOOKS"

// The commands of container hooks.
const (
	prepareJob       = "prepare_job"
	cleanupJob       = "cleanup_job"
	runContainerStep = "run_container_step"
	runScriptStep    = "run_script_step"
)

// hookAnswers is the directory of answers in the job's temporary one.
const hookAnswers = "_runner_hook_responses"

// maxAnswer is how large an answer may be.
const maxAnswer = 10 << 20

// containerHooks is the file of the hooks, "" if there are none.
func (r *running) containerHooks() string { return hostVariable(r.outside, containerHooksVariable) }

type hookCommand struct {
	Command      string          `json:"command"`
	ResponseFile string          `json:"responseFile"`
	Args         any             `json:"args"`
	State        json.RawMessage `json:"state"`
}

type hookVolume struct {
	Source   string `json:"sourceVolumePath"`
	Target   string `json:"targetVolumePath"`
	ReadOnly bool   `json:"readOnly"`
}

type hookRegistry struct {
	Username  string `json:"username"`
	Password  string `json:"password"`
	ServerURL string `json:"serverUrl"`
}

type hookContainer struct {
	ContextName    string            `json:"contextName,omitempty"`
	Image          *string           `json:"image"`
	Dockerfile     *string           `json:"dockerfile"`
	EntrypointArgs []string          `json:"entryPointArgs"`
	Entrypoint     *string           `json:"entryPoint"`
	Directory      *string           `json:"workingDirectory"`
	Options        *string           `json:"createOptions"`
	Registry       *hookRegistry     `json:"registry"`
	Variables      map[string]string `json:"environmentVariables"`
	Ports          []string          `json:"portMappings"`
	SystemVolumes  []hookVolume      `json:"systemMountVolumes"`
	UserVolumes    []hookVolume      `json:"userMountVolumes"`
}

type prepareArgs struct {
	Container *hookContainer   `json:"container"`
	Services  []*hookContainer `json:"services"`
}

type scriptArgs struct {
	EntrypointArgs []string          `json:"entryPointArgs"`
	Entrypoint     string            `json:"entryPoint"`
	Variables      map[string]string `json:"environmentVariables"`
	PrependPath    []string          `json:"prependPath"`
	Directory      string            `json:"workingDirectory"`
}

// A hookAnswer is what a hook says. Only that to prepare_job has more than a state.
type hookAnswer struct {
	State   json.RawMessage `json:"state"`
	Alpine  *bool           `json:"isAlpine"`
	Context struct {
		Container *hookRunning  `json:"container"`
		Services  []hookRunning `json:"services"`
	} `json:"context"`
}

type hookRunning struct {
	ID      string            `json:"id"`
	Network string            `json:"network"`
	Ports   map[string]string `json:"ports"`
}

// optional is nil for "", which is null in JSON.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// forHook is a container as hooks get it.
func (c *jobContainer) forHook() *hookContainer {
	h := &hookContainer{
		ContextName: c.spec.Alias, Image: optional(c.spec.Image), Entrypoint: optional(c.spec.Entrypoint), EntrypointArgs: append([]string{}, c.spec.Args...),
		Directory: optional(c.spec.WorkDir), Options: optional(c.spec.Options), Variables: map[string]string{}, Ports: append([]string{}, c.spec.Ports...),
		SystemVolumes: []hookVolume{}, UserVolumes: []hookVolume{},
	}
	if c.username != "" || c.password != "" {
		h.Registry = &hookRegistry{c.username, c.password, registryOf(c.spec.Image)}
	}
	for _, v := range c.spec.Env {
		h.Variables[v.Name] = v.Value
	}
	for _, text := range c.spec.Volumes {
		h.UserVolumes = append(h.UserVolumes, parseVolume(text))
	}
	return h
}

// registryOf is where an image comes from.
func registryOf(image string) string {
	if first, _, ok := strings.Cut(image, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return first
	}
	return "https://index.docker.io/v1/"
}

// parseVolume reads SOURCE:TARGET[:ro], or a target alone.
func parseVolume(text string) hookVolume {
	text, readOnly := strings.CutSuffix(text, ":ro")
	source, target, ok := strings.Cut(text, ":")
	if !ok {
		source, target = "", text
	}
	return hookVolume{source, strings.TrimSuffix(target, ":rw"), readOnly}
}

// prepareByHook has the hook start the containers of the job.
func (x *execution) prepareByHook() error {
	r := x.job
	if err := r.makeContainerDirectories(); err != nil {
		return err
	}
	args := prepareArgs{Services: []*hookContainer{}}
	var names []string
	for _, c := range r.containers.list {
		if c.spec.Role == container.Service {
			args.Services, names = append(args.Services, c.forHook()), append(names, c.spec.Alias)
			continue
		}
		c.spec.WorkDir = r.insideContainer(r.workspace)
		args.Container = c.forHook()
		args.Container.SystemVolumes = append(args.Container.SystemVolumes,
			hookVolume{Source: r.WorkDir, Target: r.insideContainer(r.WorkDir)}, hookVolume{Source: r.ToolDir, Target: r.insideContainer(r.ToolDir)})
		for _, p := range container.JobPaths(r.WorkDir, r.TempDir, r.ToolDir)[:2] { // those below the temporary directory
			args.Container.SystemVolumes = append(args.Container.SystemVolumes, hookVolume{Source: p.Here, Target: p.Inside})
		}
		for _, n := range r.nodes() {
			args.Container.SystemVolumes = append(args.Container.SystemVolumes, hookVolume{n.File, container.NodeAt(n.Version), true})
		}
	}
	answer, err := x.callHook(x.ctx, prepareJob, args)
	if err != nil {
		return err
	}
	switch {
	case answer == nil:
		return x.hookFailed("The response file of the command 'prepare_job' is empty.")
	case args.Container != nil && answer.Alpine == nil:
		return x.hookFailed("The property 'isAlpine' is required but was not found in the response file.")
	}
	if c := answer.Context.Container; c != nil {
		r.contexts.setContainer("id", c.ID)
		r.contexts.setContainer("network", c.Network)
		r.containers.network = c.Network
	}
	for i, s := range answer.Context.Services[:min(len(names), len(answer.Context.Services))] {
		ports := expr.NewObject()
		for inside, outside := range s.Ports {
			ports.Set(inside, outside)
		}
		r.contexts.setService(names[i], expr.NewObject().Set("id", s.ID).Set("ports", ports).Set("network", s.Network))
	}
	if args.Container == nil {
		return nil
	}
	h := &hookHost{paths: container.JobPaths(r.WorkDir, r.TempDir, r.ToolDir)}
	if !*answer.Alpine { // whose libraries are others
		for _, n := range r.nodes() {
			h.nodes = append(h.nodes, n.Version)
		}
	}
	r.inside = h
	r.useHost(h)
	return nil
}

// nodes are those of the runner that its containers may have.
func (r *running) nodes() []container.Node {
	return container.FindNodes(r.outside.Env(), r.Node.First, r.Node.Last)
}

func (x *execution) cleanUpByHook() error {
	_, err := x.callHook(x.ctx, cleanupJob, struct{}{})
	return err
}

// containerByHook has the hook run a container to its end as the step.
func (x *execution) containerByHook(spec container.Spec, dockerfile string) error {
	r := x.job
	args := (&jobContainer{spec: spec}).forHook()
	args.Dockerfile = optional(dockerfile)
	for _, p := range container.ActionPaths(r.TempDir, r.workspace) {
		args.SystemVolumes = append(args.SystemVolumes, hookVolume{Source: p.Here, Target: p.Inside})
	}
	_, err := x.callHook(x.ctx, runContainerStep, args)
	return err
}

// scriptByHook has the hook run a process in the container of the job.
func (x *execution) scriptByHook(ctx context.Context, h *hookHost, p host.Process) (code int, err error) {
	args := scriptArgs{Entrypoint: p.Path, EntrypointArgs: p.Args, Variables: map[string]string{}, PrependPath: []string{}, Directory: p.Dir}
	for name, value := range p.Env {
		if value = h.Inside(value); name == "PATH" { // what steps have added: the rest is in the container
			args.PrependPath = strings.Split(value, ":")
			continue
		}
		args.Variables[name] = value
	}
	_, err = x.callHook(ctx, runScriptStep, args)
	return 0, err
}

// hookFailed shows why, and is what comes of it.
func (x *execution) hookFailed(reason string) error {
	x.record.fail(reason)
	return problemf("Executing the custom container implementation failed. Please contact your self hosted runner administrator.")
}

// callHook calls the hook and returns its answer, nil if there is none. The hook runs on this machine, with the variables of the
// runner and those that the runner tells every step.
func (x *execution) callHook(ctx context.Context, command string, args any) (*hookAnswer, error) {
	r := x.job
	if r.Runner.Isolation != "" && r.Runner.Isolation != "none" {
		return nil, problemf("%s needs --isolation none: with '%s' jobs see nothing of what the hook would have to reach.", containerHooksVariable, r.Runner.Isolation)
	}
	file := r.containerHooks()
	if !isFile(file) {
		return nil, problemf("File doesn't exist: '%s', which %s names.", file, containerHooksVariable)
	}
	now := r.Host
	r.useHost(r.outside)
	defer func() { r.useHost(now) }()
	option, err := x.shellOf(file)
	if err != nil {
		return nil, err
	}
	if x.files == nil { // a step of the runner's own
		if err := x.openFiles(); err != nil {
			return nil, err
		}
	}
	answerFile, input, err := r.hookInput(command, args)
	if err != nil {
		return nil, err
	}
	sh, err := x.showHook(file, option)
	if err != nil {
		return nil, err
	}
	words, err := sh.arguments(file)
	if err != nil {
		return nil, err
	}
	bare := *x // without the variables of the workflow
	bare.env, bare.inside = expr.NewCaseSensitiveObject(), nil
	env := bare.environment(bare.stepVariables())
	r.matchers.reset()
	code, err := x.startAndWait(ctx, host.Process{
		Path: sh.path, Args: words, Dir: filepath.Dir(file), Env: env, Input: input,
		Output: (&output{execution: x}).take, Grace: r.timing.grace, Kill: r.kill.Done(),
	})
	switch {
	case err != nil:
		return nil, err
	case code != 0:
		return nil, x.hookFailed(fmt.Sprintf("Process completed with exit code %d.", code))
	}
	return x.hookAnswer(answerFile)
}

// hookInput is what a hook is told, and the file that it answers by.
func (r *running) hookInput(command string, args any) (answerFile string, input []byte, err error) {
	dir := filepath.Join(r.TempDir, hookAnswers)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	answerFile = filepath.Join(dir, uuid.NewString()+".json")
	if err := os.WriteFile(answerFile, nil, 0o644); err != nil {
		return "", nil, err
	}
	state := r.hooks
	if state == nil {
		state = json.RawMessage("{}")
	}
	input, err = json.Marshal(hookCommand{command, answerFile, args, state})
	return answerFile, append(input, '\n'), err
}

// hookAnswer reads what a hook has written, and keeps its state.
func (x *execution) hookAnswer(file string) (*hookAnswer, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // it has removed the file: it has nothing to say
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxAnswer:
		return nil, x.hookFailed("The response file is too large.")
	case len(bytes.TrimSpace(text)) == 0:
		return nil, os.Remove(file)
	}
	var a hookAnswer
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, x.hookFailed("The response file is not what it should be: " + err.Error())
	}
	if len(a.State) > 0 && string(a.State) != "null" {
		x.job.hooks = a.State
	}
	return &a, os.Remove(file)
}

// A hookHost is the container of a job that hooks have started. Its processes run by scriptByHook.
type hookHost struct {
	paths []container.Path
	nodes []string
}

// Env implements [host.Host]: nobody knows it.
func (*hookHost) Env() []string { return nil }

// LookPath implements [host.Host]: the container finds its programs itself.
func (*hookHost) LookPath(program, _, _ string) (file string, ok bool) {
	return program, program != ""
}

// FindNode implements [nodeFinder].
func (h *hookHost) FindNode(versions []string) string {
	return (&container.Host{Nodes: h.nodes}).FindNode(versions)
}

// Inside implements [host.Host].
func (h *hookHost) Inside(file string) string { return container.Within(h.paths, file) }

// Run implements [host.Host].
func (*hookHost) Run(context.Context, host.Process) (int, error) {
	return 0, errors.New("it runs by container hooks")
}

// Close implements [host.Host].
func (*hookHost) Close(context.Context) []host.Leftover { return nil }
