package runnerapi

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Limits on what one job may report. Runners keep to less: ten annotations of
// each kind and step, 4096 characters each.
const (
	maxCompletion  = 64 << 20 // bytes
	maxSteps       = 2000
	maxAnnotations = 1000
	maxText        = 4096    // characters of a name, title or message
	maxOutputs     = 1 << 20 // bytes of a job's outputs in all (RES-4)

	renewAfterEnd = time.Minute // one more renewal may be under way
)

// conclusionOf is GitHub's word for what a runner says (STA-4).
func conclusionOf(s string) (actions.Conclusion, error) {
	switch strings.ToLower(s) {
	case strings.ToLower(wire.Succeeded), strings.ToLower(wire.SucceededWithIssues), "success":
		return actions.Success, nil
	case strings.ToLower(wire.Failed), strings.ToLower(wire.Abandoned), "failure":
		return actions.Failure, nil
	case strings.ToLower(wire.Canceled), "cancelled":
		return actions.Cancelled, nil
	case strings.ToLower(wire.Skipped):
		return actions.Skipped, nil
	}
	return "", actions.Errorf(actions.Invalid, "conclusion %q is not known", clip(s))
}

// forcedEnd says whether the server, and not the runner, ended the job: then its
// runner is to stop at its next renewal.
func forcedEnd(j *actions.Job) bool { return j.Conclusion == actions.Cancelled && !j.CancelAt.IsZero() }

// outputs are the job's outputs; those that are empty or secret are not kept (RES-4).
func outputs(given map[string]wire.Variable) map[string]string {
	kept, size := make(map[string]string), 0
	for name, v := range given {
		size += len(name) + len(v.Value)
		if v.Value != "" && !v.IsSecret && size <= maxOutputs {
			kept[name] = v.Value
		}
	}
	return kept
}

func stepOf(s *wire.StepResult) (*actions.Step, error) {
	if uuid.Validate(s.ExternalID) != nil {
		return nil, actions.Errorf(actions.Invalid, "external_id %q of step %d is not a GUID", clip(s.ExternalID), s.Number)
	}
	step := &actions.Step{
		GUID: strings.ToLower(s.ExternalID), Number: s.Number, Name: clip(s.Name),
		StartedAt: s.StartedAt.Time, CompletedAt: s.CompletedAt.Time, Status: actions.Completed,
	}
	if s.Conclusion == "" { // a step that was never reached
		step.Conclusion = actions.Skipped
		return step, nil
	}
	var err error
	step.Conclusion, err = conclusionOf(s.Conclusion)
	return step, err
}

func annotationOf(a *wire.Annotation, step int) *actions.Annotation {
	out := &actions.Annotation{
		StepNumber: max(step, int(a.StepNumber)), Path: clip(a.Path), Title: clip(a.Title), Message: clip(a.Message),
		StartLine: line(a.StartLine), EndLine: line(a.EndLine), StartColumn: column(a.StartColumn), EndColumn: column(a.EndColumn),
		Level: actions.LevelNotice,
	}
	switch strings.ToLower(a.Level) {
	case wire.LevelFailure:
		out.Level = actions.LevelFailure
	case wire.LevelWarning:
		out.Level = actions.LevelWarning
	}
	if out.Path == "" {
		out.Path = ".github"
	}
	out.EndLine = max(out.EndLine, out.StartLine)
	return out
}

const maxLine = 1 << 30

func line(n wire.Int) int   { return int(min(max(n, 1), maxLine)) }
func column(n wire.Int) int { return int(min(max(n, 0), maxLine)) }

// clip cuts a text that a runner sent, makes it UTF-8 and takes NUL out of it,
// which PostgreSQL does not keep.
func clip(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText])
}
