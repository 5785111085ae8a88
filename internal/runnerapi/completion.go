package runnerapi

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/wire"
)

const maxCompletion = 32 << 20 // bytes

// result is what a completion says. Only one without a conclusion is refused.
func result(req *wire.CompleteJobRequest) (*scheduler.Result, error) {
	conclusion, ok := conclusionOf(req.Conclusion)
	if !ok {
		return nil, actions.Errorf(actions.Invalid, "conclusion %.50q is not known", req.Conclusion)
	}
	r := &scheduler.Result{Conclusion: conclusion, Outputs: outputsOf(req.Outputs)}
	if req.StepResults != nil {
		r.Steps = make([]*actions.Step, 0, len(req.StepResults))
	}
	for i := range req.StepResults {
		s := &req.StepResults[i]
		r.Steps = append(r.Steps, stepOf(s))
		r.Annotations = append(r.Annotations, annotationsOf(s.Annotations, s.Number)...)
	}
	r.Annotations = append(r.Annotations, annotationsOf(req.Annotations, 0)...)
	return r, nil
}

// outputsOf are the outputs that are not secret (RES-4).
func outputsOf(given map[string]wire.Variable) map[string]string {
	out := make(map[string]string, len(given))
	for name, v := range given {
		if !v.IsSecret {
			out[name] = v.Value
		}
	}
	return out
}

func stepOf(s *wire.StepResult) *actions.Step {
	conclusion, _ := conclusionOf(s.Conclusion)
	if s.Conclusion == "" { // never reached
		conclusion = actions.Skipped
	}
	return &actions.Step{
		GUID: s.ExternalID, Number: s.Number, Name: s.Name,
		StartedAt: s.StartedAt.Time, CompletedAt: s.CompletedAt.Time, Status: actions.Completed, Conclusion: conclusion,
	}
}

func annotationsOf(list []wire.Annotation, step int) []*actions.Annotation {
	out := make([]*actions.Annotation, len(list))
	for i, a := range list {
		out[i] = &actions.Annotation{
			StepNumber: max(step, int(a.StepNumber)), Path: a.Path, Title: a.Title, Message: a.Message, Level: levelOf(a.Level),
			StartLine: int(a.StartLine), EndLine: int(a.EndLine), StartColumn: int(a.StartColumn), EndColumn: int(a.EndColumn),
		}
	}
	return out
}

func levelOf(s string) actions.Level {
	switch strings.ToLower(s) {
	case wire.LevelFailure:
		return actions.LevelFailure
	case wire.LevelWarning:
		return actions.LevelWarning
	}
	return actions.LevelNotice
}

// conclusionOf is GitHub's word for what a runner says (STA-4).
func conclusionOf(s string) (c actions.Conclusion, ok bool) {
	switch strings.ToLower(s) {
	case strings.ToLower(wire.Succeeded), strings.ToLower(wire.SucceededWithIssues), "success":
		return actions.Success, true
	case strings.ToLower(wire.Failed), strings.ToLower(wire.Abandoned), "failure":
		return actions.Failure, true
	case strings.ToLower(wire.Canceled), "cancelled":
		return actions.Cancelled, true
	case strings.ToLower(wire.Skipped):
		return actions.Skipped, true
	}
	return "", false
}
