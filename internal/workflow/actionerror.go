package workflow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// An ActionError says why the file of an action cannot be used.
type ActionError struct {
	Path   string
	Errors Errors // may be more than are repeated

	// Stop is where GitHub's runner gives up on what it has read, in its words. It is
	// empty where it does not.
	Stop string

	noRuns bool // all else is good
}

// Lines are what the log says, line by line, as with GitHub's runner: each error when
// it is found, without the reason where that is one of an expression or of YAML; then
// all of them with reasons, and that the file is not loaded.
func (e *ActionError) Lines() []string {
	if e.noRuns && len(e.Errors) == 0 && e.Stop == "" {
		return []string{"Top level 'runs:' section is required for " + e.Path}
	}
	var lines []string
	for _, err := range e.Errors {
		lines = append(lines, err.found())
	}
	lines = append(lines, e.repeated()...)
	if e.Stop != "" {
		lines = append(lines, e.Stop)
	}
	return append(lines, "Failed to load "+e.Path)
}

// repeated are the errors with their reasons, as many as GitHub's runner keeps.
func (e *ActionError) repeated() []string {
	var lines []string
	for _, err := range e.Errors[:min(len(e.Errors), maxErrors)] {
		lines = append(lines, err.reason())
	}
	return lines
}

// Error joins the lines.
func (e *ActionError) Error() string { return strings.Join(e.Lines(), "\n") }

// found is the error as GitHub's runner says it at once.
func (e *Error) found() string {
	switch e.cause {
	case ofExpression:
		return fmt.Sprintf("%s (Line: %d, Col: %d):", e.Path, e.Pos.Line, e.Pos.Col)
	case ofYAML, ofFile:
		return e.Path + ":"
	case ofRule:
	}
	return e.Error()
}

// reason is the whole error as GitHub's runner says it.
func (e *Error) reason() string {
	switch e.cause {
	case ofYAML:
		return fmt.Sprintf("%s: (Line: %d, Col: %d): %s", e.Path, e.Pos.Line, e.Pos.Col, e.Msg)
	case ofFile:
		return e.Path + ": " + e.Msg
	case ofRule, ofExpression:
	}
	return e.Error()
}

// actionErr is what is wrong with the file of an action, whose root is nil if it is
// no YAML.
func (r *reader) actionErr(root *Token, runs runsForm) error {
	r.errs = append(r.errs, r.late...)
	e := &ActionError{Path: r.path, Errors: r.errs, noRuns: root != nil && root.Kind == Mapping && root.Get("runs") == nil}
	if e.Stop = e.stop(r, root, runs); e.Stop == "" && len(e.Errors) == 0 && !e.noRuns {
		return nil
	}
	return e
}

// stop goes through the file as GitHub's runner does after reading it.
func (e *ActionError) stop(r *reader, root *Token, runs runsForm) string {
	switch {
	case r.twoDocuments:
		return "" // the first one is good, or not read to its end
	case root == nil:
		return mistyped("", "action manifest root", Mapping)
	case root.Kind != Mapping:
		return mistyped(tokenType(root), "action manifest root", Mapping)
	}
	for _, p := range root.Pairs {
		text := ""
		switch key := p.Key.Str; key {
		case "name", "description":
			text = wanted(p.Value, key, String)
		case "outputs":
			text = wanted(p.Value, key, Mapping)
		case "inputs":
			text = stopOfInputs(p.Value)
		}
		if text != "" {
			return text
		}
	}
	if t := root.Get("runs"); t != nil {
		return e.stopOfRuns(t, runs)
	}
	return ""
}

func stopOfInputs(t *Token) string {
	if text := wanted(t, "inputs", Mapping); text != "" {
		return text
	}
	for _, p := range t.Pairs {
		if text := wanted(p.Value, "input metadata", Mapping); text != "" {
			return text
		}
	}
	return ""
}

func (e *ActionError) stopOfRuns(t *Token, runs runsForm) string {
	if text := wanted(t, "runs", Mapping); text != "" {
		return text
	}
	for _, p := range t.Pairs {
		text, key := "", p.Key.Str
		switch {
		case !slices.Contains(runs.keys, key):
		case key == "args":
			text = wanted(p.Value, key, Sequence)
		case key == "env":
			text = wanted(p.Value, key, Mapping)
		case key == "steps":
			text = e.stopOfSteps(p.Value)
		default:
			text = wanted(p.Value, key, String)
		}
		if text != "" {
			return text
		}
	}
	return runs.stop
}

func (e *ActionError) stopOfSteps(t *Token) string {
	if text := wanted(t, "steps", Sequence); text != "" {
		return text
	}
	for _, item := range t.Items {
		if text := wanted(item, "steps item", Mapping); text != "" {
			return text
		}
		if item.Get("run") == nil && item.Get("uses") == nil {
			return mistyped("", "steps item uses", String)
		}
	}
	if len(e.Errors) == 0 {
		return ""
	}
	return "GitHub.DistributedTask.ObjectTemplating.TemplateValidationException: The template is not valid. " + strings.Join(e.repeated(), ",")
}

// wanted says that t is not of the kind that it must have. A scalar can always be text.
func wanted(t *Token, what string, kind Kind) string {
	kinds := []Kind{kind}
	if kind == String {
		kinds = []Kind{String, Boolean, Number, Null}
	}
	if got := tokenType(t); !slices.Contains(kinds, t.Kind) || kind == String && got == "BasicExpressionToken" {
		return mistyped(got, what, kind)
	}
	return ""
}

// mistyped is what GitHub's runner says of a value of another type, "" if there is none.
func mistyped(got, what string, kind Kind) string {
	want := map[Kind]string{Mapping: "MappingToken", Sequence: "SequenceToken", String: "StringToken"}[kind]
	return fmt.Sprintf("System.ArgumentException: Unexpected type '%s' encountered while reading '%s'. The type '%s' was expected.", got, what, want)
}

// tokenType is what GitHub's runner calls a kind of values.
func tokenType(t *Token) string {
	switch t.Kind {
	case Sequence:
		return "SequenceToken"
	case Mapping:
		return "MappingToken"
	case Null:
		return "NullToken"
	case Boolean:
		return "BooleanToken"
	case Number:
		return "NumberToken"
	case Expression, Insert:
		return "BasicExpressionToken"
	case String:
		if _, isExpr, err := expr.Template(t.Str, scope("", "")); isExpr && err == nil {
			return "BasicExpressionToken"
		}
	}
	return "StringToken"
}
