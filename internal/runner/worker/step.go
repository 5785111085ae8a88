package worker

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
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
	named       bool            // the name was evaluated when the job began
	cond        *expr.Expr
	env, inputs *workflow.Token
	timeout     *workflow.Token
	mayFail     *workflow.Token // continue-on-error
	ref         wire.Reference
	file        string                 // of the workflow or action, for messages
	shown       string                 // what a step of the job is called now
	parent      string                 // key of the step that uses that action
	hook        *scriptFile            // what it runs in place of ref; nil for a step of the workflow
	own         func(*execution) error // what a step of the runner's own does; nil for others
}

// newStepList reads the steps of the job message, whose workflow is of the
// repository home.
func newStepList(from []wire.Step, home wire.Reference) ([]*step, error) {
	list := make([]*step, 0, len(from))
	for _, s := range from {
		if s.Type != wire.ActionStep && s.Type != "" {
			return nil, problemf("Steps of type '%s' are not supported by this runner yet.", s.Type)
		}
		s.Reference = at(s.Reference, home)
		st, err := newStep(s)
		if err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, nil
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
		if *token.to, err = convert.TokenFromWire(token.from); err != nil {
			return nil, err
		}
	}
	return st, nil
}
