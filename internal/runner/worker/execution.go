package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
)

// An execution is a step that runs, in one of its stages.
type execution struct {
	job    *running
	scope  *scope
	step   *step
	stage  stage
	record *record

	ctx    context.Context // ends when the step must stop
	limit  context.Context // ends at the time limits of the step and those around it
	github *expr.Object    // with what is special about this step
	env    *expr.Object    // context "env": the job's variables, and the step's own
	own    *expr.Object    // only those of the step and of composite actions around it
	files  *commandFiles   // nil until something runs

	inside func(file string) string // where its processes see a file, if that is not as the host says

	echo bool // show commands

	// What the step has set. Commands fill these while it runs.
	failed   bool // a command or a command file was wrong
	newEnv   []assignment
	newPaths []string
	newState []assignment
	outputs  []assignment
}

// Why a step did not succeed, when its log says so already.
const (
	errStepFailed   = problem("the step failed")
	errStepCanceled = problem("the step was canceled")
)

// An end is how a step ended.
type end struct {
	conclusion string
	broken     bool // it failed because its condition or variables could not be evaluated
}

// run runs one step, if its condition holds. Afterwards, the context "steps" of
// its scope says how it ended.
func (r *running) run(t try) end {
	x := &execution{job: r, scope: t.scope, step: t.step, stage: t.stage, record: t.record, limit: t.limit}
	x.echo = r.debugs
	x.env, x.own = r.contexts.envIn(t.scope)
	x.github = r.contexts.githubIn(t.scope, t.step)
	var cancel context.CancelFunc
	x.ctx, cancel = context.WithCancel(t.limit)
	defer cancel()
	outcome, err := x.conclude(t.cond, cancel)
	if err != nil { // IF-7
		x.record.fail(x.step.reasons(err)...)
		outcome = wire.Failed
	}
	x.rememberOutputs() // continue-on-error may ask for them
	conclusion := outcome
	if outcome == wire.Failed && err == nil && x.absorbed() {
		conclusion = wire.Succeeded
	}
	x.remember(outcome, conclusion)
	return end{conclusion, err != nil}
}

// conclude evaluates the condition, runs the step and returns its outcome. The
// error is one of evaluation.
func (x *execution) conclude(cond *expr.Expr, cancel context.CancelFunc) (outcome string, err error) {
	if err := x.addEnv(x.step.env); err != nil {
		if x.scope.composite == nil {
			return "", err
		}
		// GitHub's runner goes on inside of an action, without the variables: the step
		// has failed, whatever it does.
		x.record.fail(x.step.reasons(err)...)
		x.failed = true
	}
	x.rename()
	wanted := x.condition(cond)
	pop := x.job.state.status.push(&stoppable{cancel: cancel, wanted: func() bool {
		ok, err := wanted((*expr.Expr).Eval)
		if err != nil {
			x.record.fail(err.Error())
		}
		return ok
	}})
	defer pop()
	if x.job.state.status.shuttingDown() || x.job.kill.Err() != nil {
		return wire.Skipped, nil
	}
	x.record.debug("Evaluating condition for step: '" + x.debugName() + "'")
	ok, err := wanted(x.traced)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return wire.Skipped, nil
	}
	x.record.debug("Starting: " + x.debugName())
	outcome = x.perform(cancel)
	x.record.debug(x.debugEnd() + x.debugName())
	return outcome, nil
}

// rename evaluates the name of a step of the job that could not be evaluated
// when the job began. Steps that are skipped get their names, too.
func (x *execution) rename() {
	if x.stage != mainStage || x.scope.composite != nil || x.step.named {
		return
	}
	name, complete, err := x.step.title(x.expressions(x.contexts()))
	switch {
	case err != nil:
		x.step.failToName(x.record, err)
	case complete:
		x.record.rename(name)
		x.step.shown = name
	}
}

// perform runs the step within its time limit.
func (x *execution) perform(cancel context.CancelFunc) string {
	minutes := x.minutes()
	if minutes > 0 {
		var done context.CancelFunc
		x.limit, done = context.WithTimeoutCause(x.limit, time.Duration(minutes)*x.job.timing.minute, errTimeLimit)
		defer done()
		defer context.AfterFunc(x.limit, cancel)()
	}
	err := x.act()
	x.keepAll()
	outcome := x.judge(err, minutes)
	if x.failed {
		outcome = mergeResults(outcome, wire.Failed)
	}
	return outcome
}

// errTimeLimit is why a context ends at the time limit of a step.
const errTimeLimit = problem("the step took too long")

// judge is the outcome of a step that ended with err. It writes the reason to
// the log.
func (x *execution) judge(err error, minutes int) string {
	stopped := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	switch {
	case err == nil:
		return wire.Succeeded
	case errors.Is(err, errStepFailed):
		return wire.Failed
	case errors.Is(err, errStepCanceled):
		return wire.Canceled
	case stopped && errors.Is(context.Cause(x.limit), errTimeLimit):
		if minutes > 0 {
			x.record.fail(fmt.Sprintf("The action '%s' has timed out after %d minutes.", x.record.name(), minutes))
		} else {
			x.record.fail("The action has timed out.")
		}
		return wire.Failed
	case stopped && x.ctx.Err() != nil:
		x.record.fail("The operation was canceled.")
		return wire.Canceled
	}
	x.record.fail(x.step.reasons(err)...)
	return wire.Failed
}

// minutes is the step's time limit, 0 when it has none (RUN-8).
func (x *execution) minutes() int {
	const most = 1 << 20 // longer than any job may take
	n, err := x.step.timeout.EvalNumber(x.expressions(x.contexts()))
	if err != nil {
		x.failToEvaluate(err, "An error occurred when attempting to determine the step timeout.")
		return 0
	}
	return int(max(0, min(n, most)))
}

// act runs the script or action of the step.
func (x *execution) act() error {
	switch {
	case x.step.hook != nil:
		return x.runHook(x.step.hook)
	case x.step.own != nil:
		x.record.addInfo(wire.StepRunner, "", "")
		return x.step.own(x)
	}
	switch x.step.ref.Type {
	case wire.RefScript:
		return x.script()
	case wire.RefRepository:
		return x.action()
	case wire.RefContainer:
		return x.dockerStep()
	}
	return problemf("Unknown type '%s' of step.", x.step.ref.Type)
}

// absorbed says whether continue-on-error holds, now that the step has failed
// (RES-1).
func (x *execution) absorbed() bool {
	if x.step.mayFail == nil {
		return false
	}
	ok, err := x.step.mayFail.EvalBool(x.expressions(x.contexts()))
	if err != nil {
		x.failToEvaluate(err, "The step failed and an error occurred when attempting to determine whether to continue on error.")
	}
	return ok && err == nil
}

// remembers says whether the context "steps" has an entry for the step. That is
// the main stage, and every stage of a step inside of a composite action.
// Generated names get no entry there.
func (x *execution) remembers() bool {
	return (x.stage == mainStage || x.scope.composite != nil) && hasContext(x.step.contextName)
}

// rememberOutputs adds the outputs of the step to its entry in the context
// "steps", which keeps those of its earlier stages.
func (x *execution) rememberOutputs() {
	if !x.remembers() {
		return
	}
	entry := clone(object(x.scope.steps, x.step.contextName))
	outputs := clone(object(entry, "outputs"))
	for _, o := range x.outputs {
		outputs.Set(o.name, o.value)
	}
	x.scope.steps.Set(x.step.contextName, entry.Set("outputs", outputs))
}

// remember writes the step's end to the context "steps".
func (x *execution) remember(outcome, conclusion string) {
	if !x.remembers() {
		return
	}
	x.scope.steps.Set(x.step.contextName, clone(object(x.scope.steps, x.step.contextName)).
		Set("outcome", contextResult(outcome)).
		Set("conclusion", contextResult(conclusion)))
}

func hasContext(name string) bool { return name != "" && !strings.HasPrefix(name, "__") }
