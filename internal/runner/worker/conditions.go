package worker

import "github.com/understudy-ci/understudy/internal/expr"

// A condition says whether a step is to run now, by a way to evaluate expressions.
type condition func(eval func(*expr.Expr, *expr.Env) (expr.Value, error)) (bool, error)

// condition is that of the step. What it sees is as the step began, but for the status
// of the job. A step without one always runs.
func (x *execution) condition(cond *expr.Expr) condition {
	contexts := x.contexts()
	return func(eval func(*expr.Expr, *expr.Env) (expr.Value, error)) (bool, error) {
		cond := cond
		if cond == nil {
			if !x.record.debugs {
				return true, nil
			}
			var err error
			if cond, err = expr.Parse("always()", nil); err != nil {
				return false, err
			}
		}
		v, err := eval(cond, x.expressions(clone(contexts).Set("job", x.job.contexts.job())))
		if err != nil && x.ctx.Err() == nil {
			err = problemf("The template is not valid. %v", err)
		}
		return expr.Truthy(v), err
	}
}

// maxTrace is how many bytes of debug messages one condition may make.
const maxTrace = 1 << 20

// traced evaluates an expression and tells how, if the job shows debug messages.
func (x *execution) traced(e *expr.Expr, env *expr.Env) (expr.Value, error) {
	if !x.record.debugs {
		return e.Eval(env)
	}
	left := maxTrace
	return e.Trace(env, func(line string) bool {
		x.record.debug(line)
		left -= len(line)
		return left > 0
	})
}

// debugName is what debug messages call the step: those inside of an action have no
// name there.
func (x *execution) debugName() string {
	if x.scope.composite != nil {
		return "run"
	}
	return x.record.name()
}

// debugEnd is what debug messages say when the step has run.
func (x *execution) debugEnd() string {
	if x.scope.composite != nil {
		return "Finished: "
	}
	return "Finishing: "
}
