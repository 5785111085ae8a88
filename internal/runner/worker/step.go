package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A stage is which part of a step runs.
type stage int

const (
	mainStage stage = iota
	preStage
	postStage
)

// A step is an entry of a list of steps: of the job or of a composite action.
type step struct {
	key         string // unique in the job
	contextName string
	display     string          // fixed name, if any
	name        *workflow.Token // otherwise
	cond        *expr.Expr
	env, inputs *workflow.Token
	timeout     *workflow.Token
	mayFail     *workflow.Token // continue-on-error
	ref         wire.Reference
	home        *definition // the composite action that the step is in, if any
	parent      string      // key of the step that uses that action
}

// newStep reads a step of the job message.
func newStep(s wire.Step) (*step, error) {
	condition := s.Condition
	if strings.TrimSpace(condition) == "" {
		condition = "success()"
	}
	cond, err := expr.Parse(condition, nil)
	if err != nil {
		return nil, err
	}
	st := &step{key: s.ID, contextName: s.ContextName, display: s.DisplayName, cond: cond, ref: s.Reference}
	for _, token := range []struct {
		to   **workflow.Token
		from *wire.Token
	}{
		{&st.name, s.DisplayNameToken},
		{&st.env, s.Environment},
		{&st.inputs, s.Inputs},
		{&st.timeout, s.TimeoutInMinutes},
		{&st.mayFail, s.ContinueOnError},
	} {
		if *token.to, err = toToken(token.from); err != nil {
			return nil, err
		}
	}
	return st, nil
}

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

	// What the step asked for. Commands fill these while it runs.
	echo     bool
	failed   bool // a command or a command file was wrong
	newEnv   []assignment
	newPaths []string
	newState []assignment
	outputs  []assignment
}

// How a step may end badly when its log says so already.
const (
	errStepFailed   = problem("the step failed")
	errStepCanceled = problem("the step was canceled")
)

// A try says which step to run and where.
type try struct {
	scope  *scope
	step   *step
	stage  stage
	cond   *expr.Expr // nil: always
	record *record
	limit  context.Context // ends at the time limits of the steps around this one
}

// An end is how a step ended.
type end struct {
	conclusion string
	broken     bool // it failed because its condition or variables could not be evaluated
}

// run runs one step, if its condition holds. The context "steps" of its scope
// tells of it afterwards.
func (r *running) run(t try) end {
	x := &execution{job: r, scope: t.scope, step: t.step, stage: t.stage, record: t.record, limit: t.limit}
	x.echo = r.debugs
	x.env, x.own = r.stepEnv(t.scope)
	x.github = r.stepGitHub(t.scope).Set("action", t.step.contextName)
	var cancel context.CancelFunc
	x.ctx, cancel = context.WithCancel(t.limit)
	defer cancel()
	outcome, err := x.conclude(t.cond, cancel)
	if err != nil { // IF-7
		x.record.fail(err.Error())
		outcome = wire.Failed
	}
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
		return "", err
	}
	contexts := x.contexts()
	wanted := func() (bool, error) {
		if cond == nil {
			return true, nil
		}
		now := clone(contexts).Set("job", x.job.jobContext())
		v, err := cond.Eval(x.expressions(now))
		return expr.Truthy(v), err
	}
	pop := x.job.status.push(&stoppable{cancel: cancel, wanted: func() bool {
		ok, err := wanted()
		if err != nil {
			x.record.fail(err.Error())
		}
		return ok
	}})
	defer pop()
	if x.job.status.shuttingDown() || x.job.hard.Err() != nil {
		return wire.Skipped, nil
	}
	ok, err := wanted()
	x.record.debug(fmt.Sprintf("Condition of step '%s' is %t", x.record.name(), ok))
	switch {
	case err != nil:
		return "", err
	case !ok:
		return wire.Skipped, nil
	}
	return x.perform(cancel), nil
}

// perform runs the step within its time limit.
func (x *execution) perform(cancel context.CancelFunc) string {
	if x.stage == mainStage && x.scope.composite == nil {
		if name, complete := stepName(x.step, x.expressions(x.contexts())); complete {
			x.record.rename(name)
		}
	}
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

// judge makes an outcome of how the step ended, and tells why in the log.
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
	x.record.fail(err.Error())
	return wire.Failed
}

// minutes is the step's time limit, 0 when it has none (RUN-8).
func (x *execution) minutes() int {
	const most = 1 << 20 // longer than any job may take
	n, err := x.step.timeout.EvalNumber(x.expressions(x.contexts()))
	if err != nil {
		x.record.fail("An error occurred when attempting to determine the step timeout.")
		x.record.fail(err.Error())
		return 0
	}
	return int(max(0, min(n, most)))
}

// act runs the script or action of the step.
func (x *execution) act() error {
	switch x.step.ref.Type {
	case wire.RefScript:
		return x.script()
	case wire.RefRepository:
		return x.action()
	case wire.RefContainer:
		return problemf("Container action 'docker://%s' cannot run: containers are not supported by this runner yet.", x.step.ref.Image)
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
		x.record.fail("The step failed and an error occurred when attempting to determine whether to continue on error.")
		x.record.fail(err.Error())
	}
	return ok && err == nil
}

// remember writes the step's end to the context "steps". Generated names get
// no entry there.
func (x *execution) remember(outcome, conclusion string) {
	if x.stage != mainStage || !hasContext(x.step.contextName) {
		return
	}
	outputs := expr.NewObject()
	for _, o := range x.outputs {
		outputs.Set(o.name, o.value)
	}
	x.scope.steps.Set(x.step.contextName, expr.NewObject().
		Set("outputs", outputs).
		Set("outcome", contextResult(outcome)).
		Set("conclusion", contextResult(conclusion)))
}

func hasContext(name string) bool { return name != "" && !strings.HasPrefix(name, "__") }
