package worker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/workflow"
)

// A placedError is a value that does not fit where it stands in its file.
type placedError struct {
	pos  workflow.Pos
	text string
	name string // of the entry; shown where the place is not known
}

// Error returns the text.
func (e *placedError) Error() string { return e.text + " at '" + e.name + "'" }

// reasons are what the log says of an error: of an expression or a value also
// where it is, as GitHub's runner does, in two lines.
func (s *step) reasons(err error) []string {
	if load, ok := errors.AsType[*workflow.ActionError](err); ok {
		return load.Lines()
	}
	var evaluation *workflow.EvalError
	var value *workflow.ValueError
	var placed *placedError
	var pos workflow.Pos
	first, reason := "", ""
	switch {
	case errors.As(err, &evaluation):
		pos, reason = evaluation.Pos, evaluation.Error()
	case errors.As(err, &value):
		pos, reason = value.Pos, value.Reason
		first = " " + reason
	case errors.As(err, &placed):
		pos, reason = placed.pos, placed.text
		first = " " + reason
	}
	if s.file == "" || pos.Line == 0 {
		return []string{err.Error()}
	}
	place := fmt.Sprintf("%s (Line: %d, Col: %d):", s.file, pos.Line, pos.Col)
	return []string{place + first, "The template is not valid. " + place + " " + reason}
}

// failToEvaluate reports a key of the step that could not be evaluated, and what
// that means. An expression that fails is, as GitHub's runner has it, also a
// value that does not fit.
func (x *execution) failToEvaluate(err error, meaning string) {
	lines := x.step.reasons(err)
	if len(lines) < 2 {
		x.record.fail(meaning, lines[0])
		return
	}
	if place := lines[0]; strings.HasSuffix(place, "):") {
		empty := place + " Unexpected value ''"
		x.record.fail(place, empty, meaning, lines[1]+","+empty)
		return
	}
	x.record.fail(lines[0], meaning, lines[1])
}

// failToName reports a name of the step that could not be evaluated.
func (s *step) failToName(rec *record, err error) {
	lines := s.reasons(err)
	last := len(lines) - 1
	rec.fail(lines[:last]...)
	rec.warn("Encountered an error when evaluating display name ${{ " + s.titleToken().Expr.String() + " }}. " + lines[last])
}
