package results

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

const stepsService = "github.actions.results.api.v1.WorkflowStepUpdateService"

// updateSteps takes the states of steps that changed (LOG-2).
func (a *API) updateSteps(c *call) (any, error) {
	var req wire.StepsUpdateRequest
	if err := c.decode(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	changed := make([]*actions.Step, len(req.Steps))
	for i := range req.Steps {
		u := &req.Steps[i]
		changed[i] = &actions.Step{
			GUID: u.ExternalID, Number: u.Number, Name: u.Name, StartedAt: u.StartedAt.Time, CompletedAt: u.CompletedAt.Time,
		}
		changed[i].Status, changed[i].Conclusion = stateOf(u)
	}
	return wire.OKResponse{OK: true}, a.Steps.Update(c.Context(), c.job, int64(req.ChangeOrder), changed)
}

// Numbers of [wire.StepStatus] as the independent Go runner writes them; its 3
// stands for a step that is over, and then there is a conclusion.
const (
	goInProgress wire.StepStatus = 1
	goPending    wire.StepStatus = 2
)

// stateOf trusts the end and the conclusion over the status.
func stateOf(u *wire.StepUpdate) (actions.Status, actions.Conclusion) {
	switch u.Conclusion {
	case wire.StepSuccess:
		return actions.Completed, actions.Success
	case wire.StepFailure:
		return actions.Completed, actions.Failure
	case wire.StepCancelled:
		return actions.Completed, actions.Cancelled
	case wire.StepSkipped:
		return actions.Completed, actions.Skipped
	case wire.StepConclusionUnknown:
	}
	if !u.CompletedAt.IsZero() || u.Status == wire.StepCompleted {
		return actions.Completed, "" // completejob will say
	}
	switch u.Status {
	case wire.StepInProgress, goInProgress:
		return actions.InProgress, ""
	case wire.StepPending, goPending:
		return actions.Pending, ""
	case wire.StepUnknown, wire.StepCompleted:
	}
	if !u.StartedAt.IsZero() {
		return actions.InProgress, ""
	}
	return actions.Pending, ""
}
