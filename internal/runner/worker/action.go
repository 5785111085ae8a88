package worker

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// action runs a step that uses an action, in the stage of the execution.
func (x *execution) action() error {
	d, err := x.job.definition(x.step)
	if err != nil {
		return err
	}
	x.record.addInfo(d.Runs.Using, x.actionName(), x.step.ref.Ref)
	if x.stage == mainStage && d.local && d.composite() {
		if err := x.job.prepare(x.ctx, x.record, d.innerSteps(x.step.key)); err != nil {
			return err
		}
	}
	if d.local && d.Runs.Pre != "" && x.stage == mainStage {
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
	x.printAction(inputs)
	switch {
	case d.composite():
		return x.composite(d, inputs)
	case d.node():
		return x.node(d, inputs)
	case d.Runs.Using == "docker":
		return problemf("Container action '%s' cannot run: containers are not supported by this runner yet.", refName(x.step.ref))
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
func (x *execution) printAction(inputs []assignment) {
	if x.stage == postStage {
		x.record.print("Post job cleanup.")
		return
	}
	lines := []string{"##[group]Run " + refName(x.step.ref)}
	with := true
	for _, in := range inputs {
		if in.value == "" {
			continue
		}
		if with {
			lines = append(lines, "with:")
			with = false
		}
		lines = append(lines, "  "+in.name+": "+in.value)
	}
	lines = append(lines, x.printedEnv()...)
	x.record.print(append(lines, "##[endgroup]")...)
}

// sortedState is the state of an action in a fixed order.
func sortedState(state map[string]string) []assignment {
	out := make([]assignment, 0, len(state))
	for _, name := range slices.Sorted(maps.Keys(state)) {
		out = append(out, assignment{name, state[name]})
	}
	return out
}

// node runs the script of a JavaScript action.
func (x *execution) node(d *definition, inputs []assignment) error {
	script := map[stage]string{preStage: d.Runs.Pre, mainStage: d.Runs.Main, postStage: d.Runs.Post}[x.stage]
	file := filepath.Join(d.dir, script)
	if !isFile(file) {
		return problemf("File not found: '%s'", file)
	}
	dir := x.job.Host.Inside(x.job.workspace)
	program, ok := x.job.Host.LookPath("node", x.job.baseEnv("PATH"), dir)
	if !ok {
		if program, ok = x.job.look("node"); !ok {
			return problemf("node: command not found. JavaScript actions need Node.js in the PATH of the runner.")
		}
	}
	extra := x.serverVariables()
	for _, in := range inputs {
		extra = append(extra, assignment{"INPUT_" + strings.ToUpper(strings.ReplaceAll(in.name, " ", "_")), in.value})
	}
	env := x.environment(extra)
	delete(env, "NODE_ICU_DATA") // meant for another node
	code, err := x.process(host.Process{Path: program, Args: []string{x.job.Host.Inside(file)}, Dir: dir, Env: env})
	if err == nil && code != 0 {
		err = errStepFailed // the action has told why
	}
	return err
}

// stepVariables are those of every step: the id of the job for the log of a
// service that it calls, and how it asks for OIDC tokens, if it may.
func (x *execution) stepVariables() []assignment {
	m := x.job.Message
	var vars []assignment
	if strings.EqualFold(m.Variable(wire.VarOrchestrationEnv), "true") {
		vars = append(vars, assignment{"ACTIONS_ORCHESTRATION_ID", m.Variable(wire.VarOrchestrationID)})
	}
	c := m.Connection()
	if c == nil || c.Data[wire.GenerateIDTokenURL] == "" {
		return vars
	}
	return append(
		vars,
		assignment{"ACTIONS_ID_TOKEN_REQUEST_URL", c.Data[wire.GenerateIDTokenURL]},
		assignment{"ACTIONS_ID_TOKEN_REQUEST_TOKEN", c.Token()},
	)
}

// serverVariables tell an action where the server is (protocol §6.6).
func (x *execution) serverVariables() []assignment {
	m := x.job.Message
	c := m.Connection()
	if c == nil {
		return nil
	}
	runtime := c.URL
	if other := c.Data[wire.PipelinesServiceURL]; other != "" {
		runtime = other
	}
	vars := []assignment{{"ACTIONS_RUNTIME_URL", runtime}, {"ACTIONS_RUNTIME_TOKEN", c.Token()}}
	for _, v := range []assignment{
		{"ACTIONS_CACHE_URL", c.Data[wire.CacheServerURL]},
		{"ACTIONS_RESULTS_URL", c.Data[wire.ResultsServiceURL]},
		{"ACTIONS_CACHE_MODE", m.Variable(wire.VarCacheMode)},
	} {
		if v.value != "" {
			vars = append(vars, v)
		}
	}
	if strings.EqualFold(m.Variable(wire.VarCacheV2), "true") {
		vars = append(vars, assignment{"ACTIONS_CACHE_SERVICE_V2", "True"})
	}
	return append(vars, x.stepVariables()...)
}

// A composite is a composite action that runs.
type composite struct {
	definition *definition
	env        *expr.Object // variables of the steps around
	result     string       // of its steps so far, for success() and failure() (CMP-3)
}

// composite runs the steps of a composite action (§12).
func (x *execution) composite(d *definition, inputs []assignment) error {
	values := expr.NewObject()
	for _, in := range inputs {
		values.Set(in.name, in.value)
	}
	c := &composite{definition: d, env: x.own, result: wire.Succeeded}
	sc := &scope{steps: expr.NewObject(), inputs: values, composite: c, depth: x.scope.depth + 1}
	if sc.depth > maxDepth+1 {
		return problemf("Composite action depth exceeded max depth %d", maxDepth)
	}
	for _, t := range x.innerTries(d, sc) {
		e := x.job.run(t)
		c.result = mergeResults(c.result, e.conclusion)
		if e.broken && x.stage == mainStage { // CMP-4
			break
		}
	}
	if x.stage == mainStage {
		if err := x.compositeOutputs(d, sc); err != nil {
			return err
		}
	}
	switch c.result {
	case wire.Failed:
		return errStepFailed
	case wire.Canceled:
		return errStepCanceled
	}
	return nil
}

// innerTries are the inner steps that the stage runs, in its order (CMP-6).
func (x *execution) innerTries(d *definition, sc *scope) []try {
	var tries []try
	if x.stage == postStage {
		for _, p := range slices.Backward(x.job.inner[x.step.key]) {
			tries = append(tries, try{sc, p.step, postStage, p.cond, x.record, x.limit})
		}
		return tries
	}
	for _, s := range d.innerSteps(x.step.key) {
		t := try{sc, s, x.stage, s.cond, x.record, x.limit}
		if x.stage == preStage {
			if !elsewhere(s.ref) || !x.job.hasPre(s) {
				continue
			}
			t.cond = x.job.preCondition(s)
		}
		tries = append(tries, t)
	}
	return tries
}

// compositeOutputs maps outputs of inner steps to those of the action, even
// when a step has failed (CMP-2).
func (x *execution) compositeOutputs(d *definition, sc *scope) error {
	env := x.expressions(x.job.contexts(sc, x.github, x.env))
	for _, o := range d.Outputs {
		text, err := o.Value.EvalString(env)
		if err != nil {
			return err
		}
		x.outputs = append(x.outputs, assignment{o.Name, text})
	}
	return nil
}
