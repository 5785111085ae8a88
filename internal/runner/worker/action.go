package worker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/workflow"
)

// action runs a step that uses an action, in the stage of the execution.
func (x *execution) action() error {
	d, err := x.job.actions.find(x.step)
	if err != nil {
		return err
	}
	if d.Runs.Plugin != "" {
		return problemf("'plugin: %s' is a part of GitHub's runner that this one does not have.", d.Runs.Plugin)
	}
	x.record.addInfo(d.Runs.Using, x.actionName(), x.step.ref.Ref)
	if x.stage == mainStage && d.local && d.composite() {
		x.record.print("Prepare all required actions")
		if err := x.job.actions.prepare(x.ctx, x.record, d.innerSteps(x.step.key)); err != nil {
			return err
		}
	}
	if d.local && d.Runs.Pre != "" && x.stage != preStage {
		x.record.warn(fmt.Sprintf("`pre` execution is not supported for local action from '%s'", x.step.ref.Path))
	}
	x.registerPost(d)
	x.github = clone(x.github).Set("action_repository", "").Set("action_ref", "")
	if elsewhere(x.step.ref) {
		x.github.Set("action_repository", x.step.ref.Name).Set("action_ref", x.step.ref.Ref)
	}
	if err := x.openFiles(); err != nil {
		return err
	}
	inputs, err := x.actionInputs(d)
	if err != nil {
		return err
	}
	x.printAction(d, inputs)
	switch {
	case d.composite():
		return x.composite(d, inputs)
	case d.node():
		return x.node(d, inputs)
	case d.docker():
		return x.docker(d, inputs)
	}
	return problemf("'using: %s' is not supported, use 'docker', 'node20' or 'node24' instead.", d.Runs.Using)
}

// actionName is the action as a step result names it.
func (x *execution) actionName() string {
	ref := x.step.ref
	if ref.Name == "" || ref.Path == "" {
		return ref.Name + ref.Path
	}
	return ref.Name + "/" + ref.Path
}

// actionInputs are the inputs that the step gives and the defaults of the
// others (RUN-5).
func (x *execution) actionInputs(d *definition) ([]assignment, error) {
	env := x.expressions(x.contexts())
	inputs, err := evalStrings(x.step.inputs, env)
	if err != nil {
		return nil, err
	}
	var unexpected []string
	for _, given := range inputs {
		i := slices.IndexFunc(d.Inputs, func(in *workflow.ActionInput) bool { return strings.EqualFold(in.Name, given.name) })
		if i < 0 {
			unexpected = append(unexpected, given.name)
		} else if text := d.Inputs[i].DeprecationMessage; text != "" && x.stage == mainStage {
			x.record.warn(fmt.Sprintf("Input '%s' has been deprecated with message: %s", given.name, text))
		}
	}
	valid := make([]string, 0, len(d.Inputs))
	for _, in := range d.Inputs {
		valid = append(valid, in.Name)
		if slices.ContainsFunc(inputs, func(a assignment) bool { return strings.EqualFold(a.name, in.Name) }) {
			continue
		}
		text, err := in.Default.EvalString(env)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, assignment{in.Name, text})
	}
	if len(unexpected) > 0 && x.stage == mainStage && d.Runs.Using != "docker" {
		x.record.warn(fmt.Sprintf("Unexpected input(s) '%s', valid inputs are ['%s']",
			strings.Join(unexpected, "', '"), strings.Join(valid, "', '")))
	}
	return inputs, nil
}

// printAction shows what the step runs, with which inputs and variables.
func (x *execution) printAction(d *definition, inputs []assignment) {
	if x.stage == postStage {
		if x.scope.composite == nil || !d.local || !d.composite() {
			x.record.print("Post job cleanup.")
		}
		return
	}
	lines := []string{"##[group]Run " + refName(x.step.ref)}
	if len(inputs) > 0 {
		lines = append(lines, "with:")
	}
	for _, in := range inputs {
		if in.value != "" {
			lines = append(lines, "  "+in.name+": "+in.value)
		}
	}
	lines = append(lines, x.printedEnv()...)
	x.record.print(append(lines, "##[endgroup]")...)
}

// registerPost notes that the step has started, and so will be cleaned up
// after (RUN-7). A step of the job that uses local actions in an action always
// is: as it starts, nobody knows what they will be.
func (x *execution) registerPost(d *definition) {
	steps := x.job.steps
	wanted := x.job.actions.hasPost(x.step) || x.scope.composite == nil && x.job.actions.hasLocal(x.step)
	if x.stage == postStage || !wanted || !steps.register(x.step.key) {
		return
	}
	p := &post{step: x.step, cond: d.Runs.PostIf}
	if x.scope.composite != nil {
		steps.addInnerPost(p)
		return
	}
	steps.addPost(p, "Post "+x.step.shown)
}
