package worker

import (
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A composite is a composite action that runs.
type composite struct {
	definition *definition
	action     string       // github.action: the step of the job that is around
	env        *expr.Object // variables of the steps around
	late       bool         // it began when the job was cancelled already
	result     string       // of its steps so far, for success() and failure() (CMP-3)
}

// composite runs the steps of a composite action (CMP-1).
func (x *execution) composite(d *definition, inputs []assignment) error {
	values := expr.NewObject()
	for _, in := range inputs {
		values.Set(in.name, in.value)
	}
	c := &composite{
		definition: d, action: text(x.github, "action"), env: x.own,
		late: x.job.state.status.get() == wire.Canceled, result: wire.Succeeded,
	}
	sc := &scope{steps: x.job.steps.inside(x.step.key, x.stage), inputs: values, composite: c, depth: x.scope.depth + 1}
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
	if x.stage == postStage {
		return x.job.steps.innerPostTries(x.limit, x.step.key, sc, x.record)
	}
	var tries []try
	for _, s := range d.innerSteps(x.step.key) {
		t := try{sc, s, x.stage, s.cond, x.record, x.limit}
		if x.stage == preStage {
			if !elsewhere(s.ref) || !x.job.actions.hasPre(s) {
				continue
			}
			t.cond = x.job.actions.preCondition(s)
		}
		tries = append(tries, t)
	}
	return tries
}

// compositeOutputs maps outputs of inner steps to those of the action, even
// when a step has failed (CMP-2).
func (x *execution) compositeOutputs(d *definition, sc *scope) error {
	env := x.expressions(x.job.contexts.in(sc, x.github, x.env))
	for _, o := range d.Outputs {
		text, err := o.Value.EvalString(env)
		if err != nil {
			return err
		}
		x.outputs = append(x.outputs, assignment{o.Name, text})
	}
	return nil
}
