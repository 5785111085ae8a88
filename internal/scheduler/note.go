package scheduler

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const maxText = 4096 // characters of a name or message

// note is a remark on a job itself.
func note(level actions.Level, message string) *actions.Annotation {
	return &actions.Annotation{Path: noPath, StartLine: 1, EndLine: 1, Level: level, Message: actions.Clip(message, maxText)}
}

// noteAt is a remark on a position in the workflow file.
func noteAt(level actions.Level, message, path string, at workflow.Pos) *actions.Annotation {
	a := note(level, message)
	line := max(at.Line, 1)
	a.Path, a.StartLine, a.EndLine, a.StartColumn, a.EndColumn = path, line, line, at.Col, at.Col
	return a
}
