package worker

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/wire"
)

// dockerPrefix begins an image that is not built.
const dockerPrefix = "docker://"

func (d *definition) docker() bool { return d.Runs.Using == "docker" }

// dockerImage is the image of a Docker action: one to pull, or the Dockerfile to build one from.
func (d *definition) dockerImage() (image, dockerfile string) {
	if len(d.Runs.Image) >= len(dockerPrefix) && strings.EqualFold(d.Runs.Image[:len(dockerPrefix)], dockerPrefix) {
		return d.Runs.Image[len(dockerPrefix):], ""
	}
	file := d.Runs.Image
	if file == "" {
		file = "Dockerfile"
	}
	return "", filepath.Join(d.dir, file)
}

// imageSteps are steps that fetch the images of the actions elsewhere and of `docker://` before the
// first step of the job, as with GitHub's runner: first those to pull, then those to build.
func (r *running) imageSteps() []*step {
	var pulls, builds []*step
	seen := map[string]bool{}
	var visit func(list []*step)
	visit = func(list []*step) {
		for _, s := range list {
			image, file, d := "", "", (*definition)(nil)
			switch {
			case s.ref.Type == wire.RefContainer:
				image = s.ref.Image
			case elsewhere(s.ref):
				var err error
				if d, err = r.actions.find(s); err != nil || seen[d.dir] {
					continue // the step itself will tell
				}
				seen[d.dir] = true
				if d.composite() {
					visit(d.innerSteps(s.key))
					continue
				}
				if !d.docker() {
					continue
				}
				image, file = d.dockerImage()
			}
			switch {
			case image != "" && !seen[dockerPrefix+image]:
				seen[dockerPrefix+image] = true
				pulls = append(pulls, r.ownStep("Pull "+image, func(x *execution) error { return x.pullImage(image) }))
			case file != "":
				builds = append(builds, r.ownStep("Build "+refName(s.ref), func(x *execution) error {
					_, err := x.buildImage(file, "Build container for action use: '"+file+"'.")
					return err
				}))
			}
		}
	}
	visit(r.list)
	return append(pulls, builds...)
}

// pullImage pulls the image of an action, once in a job.
func (x *execution) pullImage(image string) error {
	if x.job.images[dockerPrefix+image] != "" || x.job.containerHooks() != "" {
		return nil
	}
	x.record.print("##[group]Pull down action image '" + image + "'")
	if err := x.pull(image, "", ""); err != nil {
		return err
	}
	x.record.print("##[endgroup]")
	x.job.images[dockerPrefix+image] = image
	return nil
}

// buildImage builds the image of an action that is elsewhere, once in a job.
func (x *execution) buildImage(file, title string) (string, error) {
	if image := x.job.images[file]; image != "" {
		return image, nil
	}
	image := container.BuiltName + strings.ReplaceAll(uuid.NewString(), "-", "")
	x.record.print("##[group]" + title)
	if err := x.repeat(container.Command{Do: container.Build, Image: image, Dockerfile: file}, "Docker build", nil); err != nil {
		return "", err
	}
	x.record.print("##[endgroup]")
	x.job.images[file] = image
	return image, nil
}

// buildLocal builds the image of an action of the workspace, each time: steps may have changed it.
func (x *execution) buildLocal(file string) (string, error) {
	if !isFile(file) {
		return "", problemf("File not found: '%s'", file)
	}
	image := container.BuiltName + strings.ReplaceAll(uuid.NewString(), "-", "")
	x.record.print("##[group]Building docker image", "Dockerfile for action: '"+file+"'.")
	code, err := x.exitCode(container.Command{Do: container.Build, Image: image, Dockerfile: file})
	x.record.print("##[endgroup]")
	if err == nil && code != 0 {
		err = problemf("Docker build failed with exit code %d", code)
	}
	return image, err
}

// dockerStep runs a `docker://` step.
func (x *execution) dockerStep() error {
	x.record.addInfo("docker", "", "")
	x.github = clone(x.github).Set("action_repository", "").Set("action_ref", "")
	if err := x.openFiles(); err != nil {
		return err
	}
	inputs, err := evalStrings(x.step.inputs, x.expressions(x.contexts()))
	if err != nil {
		return err
	}
	lines := []string{"##[group]Run " + dockerPrefix + x.step.ref.Image}
	if len(inputs) > 0 {
		lines = append(lines, "with:")
	}
	for _, in := range inputs {
		lines = append(lines, "  "+in.name+": "+in.value)
	}
	x.record.print(append(append(lines, x.printedEnv()...), "##[endgroup]")...)
	if err := x.pullImage(x.step.ref.Image); err != nil {
		return err
	}
	return x.runImage(x.step.ref.Image, "", nil, inputs)
}

// docker runs a Docker action.
func (x *execution) docker(d *definition, inputs []assignment) error {
	image, file := d.dockerImage()
	var err error
	switch {
	case x.job.containerHooks() != "": // it pulls or builds it
		if file != "" && !isFile(file) {
			return problemf("File not found: '%s'", file)
		}
	case image != "":
		err = x.pullImage(image)
	case d.local:
		image, err = x.buildLocal(file)
	default:
		image, err = x.buildImage(file, "Build container for action use: '"+file+"'.")
	}
	if err != nil {
		return err
	}
	return x.runImage(image, file, d, inputs)
}

// runImage runs a container to its end as the step; d is nil for a `docker://` step. The image, or what it was built
// of, is given.
func (x *execution) runImage(image, dockerfile string, d *definition, inputs []assignment) error {
	r := x.job
	if err := r.makeContainerDirectories(); err != nil {
		return err
	}
	paths := container.ActionPaths(r.TempDir, r.workspace)
	x.inside = func(file string) string { return container.Within(paths, file) }
	spec := container.Spec{
		Role: container.Action, Image: image, Name: containerName(sanitized(image)), Network: r.containers.network,
		Workspace: r.workspace, WorkDir: x.inside(r.workspace),
	}
	extra := x.serverVariables()
	values := expr.NewObject()
	for _, in := range inputs {
		values.Set(in.name, in.value)
		extra = append(extra, inputVariable(in))
	}
	env := x.environmentFrom(nil, extra)
	if err := x.entrypoint(&spec, d, inputs, values, env); err != nil {
		return err
	}
	env.set("HOME", x.inside(filepath.Join(r.TempDir, "_github_home")))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		spec.Env = append(spec.Env, container.Variable{Name: name, Value: x.inside(env[name])})
	}
	if r.containerHooks() != "" {
		return x.containerByHook(spec, dockerfile)
	}
	r.matchers.reset()
	code, err := x.do(container.Command{Do: container.Run, Spec: spec}, (&output{execution: x}).take)
	if err != nil {
		return err
	}
	x.record.debug(fmt.Sprintf("Docker Action run completed with exit code %d", code))
	if code != 0 {
		return errStepFailed // the action has told why
	}
	return nil
}

// inputVariable is the variable of an input (RUN-5).
func inputVariable(in assignment) assignment {
	return assignment{"INPUT_" + strings.ToUpper(strings.ReplaceAll(in.name, " ", "_")), in.value}
}

// entrypoint says what the container runs, and adds the variables that the action itself sets.
func (x *execution) entrypoint(spec *container.Spec, d *definition, inputs []assignment, values *expr.Object, env environment) error {
	given, _ := value(inputs, "entrypoint")
	args, _ := value(inputs, "args")
	if d == nil {
		spec.Entrypoint, spec.Args = given, splitWords(args)
		return nil
	}
	switch x.stage {
	case preStage:
		spec.Entrypoint = d.Runs.PreEntrypoint
	case postStage:
		spec.Entrypoint = d.Runs.PostEntrypoint
	case mainStage:
		if spec.Entrypoint = d.Runs.Entrypoint; spec.Entrypoint == "" {
			spec.Entrypoint = given
		}
	}
	known := &expr.Env{Contexts: expr.NewObject().Set("inputs", values)}
	if d.Runs.Args == nil {
		spec.Args = splitWords(args)
	} else {
		v, err := d.Runs.Args.Eval(known)
		if err != nil {
			return err
		}
		list, _ := v.(*expr.Array)
		if list == nil {
			list = &expr.Array{}
		}
		for _, item := range list.Items {
			spec.Args = append(spec.Args, expr.String(item))
		}
	}
	own, err := evalStrings(d.Runs.Env, known)
	for _, v := range own {
		if _, ok := env[v.name]; !ok {
			env.set(v.name, v.value)
		}
	}
	return err
}
