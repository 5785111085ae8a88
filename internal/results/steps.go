package results

import (
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	stepsService = "github.actions.results.api.v1.WorkflowStepUpdateService"

	maxSteps  = 2000 // of a job
	maxNumber = 1 << 20
	maxName   = 1024 // bytes
)

var errTooManySteps = actions.Errorf(actions.Invalid, "a job has at most %d steps", maxSteps)

// updateSteps takes the states of steps that changed (§8.2). It does not wait for
// the disk: the end of the job brings the final states. Old news is ignored, as
// is everything about a job that is over.
func (a *API) updateSteps(c *call) (any, error) {
	var req wire.StepsUpdateRequest
	if err := c.decode(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	steps, err := stepsOf(req.Steps)
	if err != nil {
		return nil, err
	}
	err = a.Store.UpdateRelaxed(c.Context(), func(tx *store.Tx) error {
		newer, err := tx.SetStepOrder(c.Context(), c.job.ID, int64(req.ChangeOrder))
		if err != nil || !newer {
			return err
		}
		for i := range steps {
			if err := tx.SaveStep(c.Context(), c.job, &steps[i]); err != nil {
				return err
			}
		}
		n, err := tx.CountSteps(c.Context(), c.job.ID)
		if err == nil && n > maxSteps {
			err = errTooManySteps
		}
		return err
	})
	return wire.OKResponse{OK: true}, err
}

func stepsOf(updates []wire.StepUpdate) ([]actions.Step, error) {
	if len(updates) > maxSteps {
		return nil, errTooManySteps
	}
	steps := make([]actions.Step, len(updates))
	for i := range updates {
		u := &updates[i]
		id, err := guid(u.ExternalID)
		if err != nil {
			return nil, err
		}
		steps[i] = actions.Step{
			GUID: id, Number: min(max(u.Number, 0), maxNumber), Name: clean(u.Name, maxName),
			StartedAt: moment(u.StartedAt), CompletedAt: moment(u.CompletedAt),
		}
		steps[i].Status, steps[i].Conclusion = stateOf(u)
		if end := &steps[i].CompletedAt; !end.IsZero() && end.Before(steps[i].StartedAt) {
			*end = steps[i].StartedAt
		}
	}
	return steps, nil
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
		return actions.Completed, actions.Neutral // completejob will say
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

// moment is a time that a runner sent, zero if no clock shows it.
func moment(t wire.Time) time.Time {
	if y := t.Year(); y < 2000 || y > 2200 {
		return time.Time{}
	}
	return t.UTC()
}

// clean makes a text that a runner sent fit for a row: UTF-8, without NUL,
// which PostgreSQL does not keep, and without line breaks.
func clean(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
