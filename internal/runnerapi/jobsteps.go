package runnerapi

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/assign"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// jobSteps are the job's steps as runners read them (MSG-4). Their GUIDs follow
// from the job's, so a message that is asked for again is the same.
func jobSteps(d *assign.Description) []wire.Step {
	job := uuid.MustParse(d.Job.GUID) // made by this server
	out := make([]wire.Step, len(d.Spec.Steps))
	for i, s := range d.Spec.Steps {
		out[i] = wire.Step{
			Type: wire.ActionStep,
			ID:   uuid.NewSHA1(job, []byte("step "+strconv.Itoa(i))).String(),
			Name: s.ID, ContextName: s.ID,
			DisplayNameToken: convert.TokenToWire(s.Name),
			Condition:        s.If.String(),
			ContinueOnError:  convert.TokenToWire(s.ContinueOnError),
			TimeoutInMinutes: convert.TokenToWire(s.TimeoutMinutes),
			Environment:      convert.TokenToWire(s.Env),
			Inputs:           convert.TokenToWire(s.With),
			Reference:        convert.Reference(s.Action),
		}
		if s.Run != nil {
			out[i].Inputs = scriptInputs(s)
		}
	}
	return out
}

// scriptInputs is how a runner gets a script.
func scriptInputs(s *workflow.Step) *wire.Token {
	pairs := []wire.TokenPair{wire.Pair(wire.InputScript, convert.TokenToWire(s.Run))}
	if s.Shell != nil {
		pairs = append(pairs, wire.Pair(wire.InputShell, convert.TokenToWire(s.Shell)))
	}
	if s.WorkingDirectory != nil {
		pairs = append(pairs, wire.Pair(wire.InputWorkingDirectory, convert.TokenToWire(s.WorkingDirectory)))
	}
	return wire.Mapping(pairs...)
}
