package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Limits on what a runner may report of one job. GitHub's own keeps to less: ten
// annotations of each kind and step.
const (
	maxAnnotations = 1000
	maxNumber      = 1 << 30   // of lines, columns and steps
	noPath         = ".github" // path of an annotation that has none
)

// A Result is what a runner reports of a job that is over.
type Result struct {
	Conclusion  actions.Conclusion
	Outputs     map[string]string
	Steps       []*actions.Step // the final state of all steps, as it was reported: see [steps.Clean]; nil if nothing was said of them
	Annotations []*actions.Annotation
}

// kept is what is kept of a result. Nobody can report again, so nothing is refused:
// what is too much is left out, and a warning says so.
func (r *Result) kept() *Result {
	k := &Result{Conclusion: r.Conclusion, Steps: r.Steps}
	lost := k.keepOutputs(r.Outputs)
	for _, a := range r.Annotations[:min(len(r.Annotations), maxAnnotations)] {
		k.Annotations = append(k.Annotations, cleanAnnotation(a))
	}
	if len(lost) > 0 {
		k.Annotations = append(k.Annotations, outputsMissing(lost))
	}
	if n := len(r.Annotations) - maxAnnotations; n > 0 {
		k.Annotations = append(k.Annotations, missing("annotations", n))
	}
	return k
}

// missing is the warning that n things of a kind are not kept of what a runner
// reported of its job.
func missing(what string, n int) *actions.Annotation {
	return note(actions.LevelWarning, fmt.Sprintf("The runner reported more than can be kept of a job: %d %s are missing.", n, what))
}

// outputsMissing is the warning that names the outputs of a job which did not fit.
func outputsMissing(names []string) *actions.Annotation {
	const shown = 10
	var b strings.Builder
	for i, name := range names[:min(len(names), shown)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("'" + actions.Clip(name, 100) + "'")
	}
	if more := len(names) - shown; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return note(actions.LevelWarning, fmt.Sprintf("The outputs of a job may have %d MB together, counted as UTF-16. Not kept: %s.", actions.MaxJobOutputs>>20, &b))
}

// keepOutputs keeps the outputs that are not empty and fit (RES-4), and returns the
// names of those that do not fit.
func (r *Result) keepOutputs(given map[string]string) (lost []string) {
	r.Outputs = make(map[string]string, len(given))
	size := 0
	for _, name := range slices.Sorted(maps.Keys(given)) { // the same ones each time
		v := given[name]
		switch n := actions.OutputSize(name, v); {
		case v == "":
		case size+n > actions.MaxJobOutputs:
			lost = append(lost, name)
		default:
			size += n
			r.Outputs[name] = v
		}
	}
	return lost
}

// cleanAnnotation is an annotation with texts and numbers that can be. It is in one
// line at least, and has a path.
func cleanAnnotation(a *actions.Annotation) *actions.Annotation {
	c := *a
	c.Path, c.Title, c.Message = actions.Clip(a.Path, maxText), actions.Clip(a.Title, maxText), actions.Clip(a.Message, maxText)
	c.StepNumber, c.StartColumn, c.EndColumn = number(a.StepNumber), number(a.StartColumn), number(a.EndColumn)
	c.StartLine = max(number(a.StartLine), 1)
	c.EndLine = max(number(a.EndLine), c.StartLine)
	if c.Path == "" {
		c.Path = noPath
	}
	return &c
}

func number(n int) int { return min(max(n, 0), maxNumber) }
