package runnerapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Limits on what one job may report. Runners keep to less: ten annotations of
// each kind and step, 4096 characters each. A report is a job's last word, so
// what is too much or makes no sense is left out of it, and a warning says so;
// only one without a conclusion is refused.
const (
	maxCompletion  = 32 << 20 // bytes
	maxAnnotations = 1000
	maxText        = 4096    // characters of a path, title or message
	maxOutputs     = 1 << 20 // bytes of a job's outputs in all (RES-4)
	maxNumber      = 1 << 30 // of lines and columns, and of the steps they belong to
)

// result is what a completion means.
func result(req *wire.CompleteJobRequest) (*scheduler.Result, error) {
	conclusion, ok := conclusionOf(req.Conclusion)
	if !ok {
		return nil, actions.Errorf(actions.Invalid, "conclusion %.50q is not known", req.Conclusion)
	}
	r := report{Result: scheduler.Result{Conclusion: conclusion}}
	r.outputs(req.Outputs)
	for i := range req.StepResults {
		s := &req.StepResults[i]
		r.step(s)
		for j := range s.Annotations {
			r.annotation(&s.Annotations[j], s.Number)
		}
	}
	for i := range req.Annotations {
		r.annotation(&req.Annotations[i], 0)
	}
	r.warn("outputs", r.lostOutputs)
	r.warn("annotations", r.lostAnnotations)
	return &r.Result, nil
}

// A report is a result in the making.
type report struct {
	scheduler.Result
	lostOutputs, lostAnnotations int
}

func (r *report) warn(what string, lost int) {
	if lost > 0 {
		r.Annotations = append(r.Annotations, scheduler.Missing(what, lost))
	}
}

// outputs keeps the job's outputs but those that are empty or secret (RES-4).
func (r *report) outputs(given map[string]wire.Variable) {
	r.Outputs = make(map[string]string)
	size := 0
	for _, name := range slices.Sorted(maps.Keys(given)) { // the same ones each time
		v := given[name]
		if v.Value == "" || v.IsSecret {
			continue
		}
		if size+len(name)+len(v.Value) > maxOutputs {
			r.lostOutputs++
			continue
		}
		size += len(name) + len(v.Value)
		r.Outputs[name] = v.Value
	}
}

func (r *report) step(s *wire.StepResult) {
	conclusion, _ := conclusionOf(s.Conclusion)
	if s.Conclusion == "" { // never reached
		conclusion = actions.Skipped
	}
	r.Steps = append(r.Steps, &actions.Step{
		GUID: s.ExternalID, Number: number(s.Number), Name: s.Name,
		StartedAt: s.StartedAt.Time, CompletedAt: s.CompletedAt.Time, Status: actions.Completed, Conclusion: conclusion,
	})
}

// noPath is what an annotation without a file has for a path.
const noPath = ".github"

func (r *report) annotation(a *wire.Annotation, step int) {
	if len(r.Annotations) == maxAnnotations {
		r.lostAnnotations++
		return
	}
	out := &actions.Annotation{
		StepNumber: number(max(step, int(a.StepNumber))), Path: actions.Clip(a.Path, maxText), Title: actions.Clip(a.Title, maxText), Message: actions.Clip(a.Message, maxText),
		StartLine: max(number(a.StartLine), 1), StartColumn: number(a.StartColumn), EndColumn: number(a.EndColumn),
		Level: levelOf(a.Level),
	}
	out.EndLine = max(number(a.EndLine), out.StartLine)
	if out.Path == "" {
		out.Path = noPath
	}
	r.Annotations = append(r.Annotations, out)
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

func number[N ~int | ~int64](n N) int { return int(min(max(n, 0), maxNumber)) }
