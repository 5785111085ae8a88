package plan

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// Time limits of jobs in minutes (RUN-9, CAN-4).
const (
	defaultTimeout       = 360
	defaultCancelTimeout = 5
	maxTimeout           = 5 * 24 * 60 // GitHub's limit for runners of one's own
)

// maxName is the length of a job's name in characters (MAT-2).
const maxName = 100

// maxLabels bounds runs-on.
const maxLabels = 100

// expand makes the queued rows of a job whose condition holds.
func (g *graph) expand(j *node) ([]NewJob, error) {
	s, err := g.strategy(j)
	if err != nil {
		return nil, err
	}
	total := len(s.combinations)
	rows := make([]NewJob, 0, total)
	contexts := g.needsContexts(j)
	for i, c := range s.combinations {
		withStrategy(contexts, s.context(i, total), c.Matrix)
		row := NewJob{
			Path: j.path, Key: j.ID, Index: i, Total: total, Matrix: c.Matrix,
			FailFast: s.failFast, MaxParallel: s.parallel(total), Status: actions.Queued,
		}
		if i >= row.MaxParallel {
			row.Wait.Reason = actions.MaxParallel
		}
		if err := g.fill(&row, j, c, g.environment(contexts, total)); err != nil {
			return nil, err
		}
		if row.Wait == (actions.Wait{}) && g.run.protects(row.Environment) {
			row.Wait = actions.Wait{Reason: actions.Protection, Name: row.Environment}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// withStrategy sets the contexts that differ between combinations.
func withStrategy(contexts, strategy, matrix *expr.Object) {
	contexts.Set("strategy", strategy).Set("matrix", nil)
	if matrix != nil {
		contexts.Set("matrix", matrix)
	}
}

// fill evaluates what the server must know of a row.
func (g *graph) fill(row *NewJob, j *node, c workflow.Combination, env *expr.Env) error {
	var err error
	if row.Name, err = name(j, c, env); err != nil {
		return g.failure(j, "name", j.Name.Pos, err)
	}
	if row.Labels, row.RunnerGroup, err = runsOn(j.RunsOn, env); err != nil {
		return g.failure(j, "runs-on", j.RunsOn.Pos, err)
	}
	if row.Environment, err = deploysTo(j.EnvironmentName(), env); err != nil {
		return g.failure(j, "environment", j.Environment.Pos, err)
	}
	if row.TimeoutMinutes, err = timeout(j.TimeoutMinutes, defaultTimeout, env); err != nil {
		return g.failure(j, "timeout-minutes", j.TimeoutMinutes.Pos, err)
	}
	if row.CancelTimeoutMinutes, err = timeout(j.CancelTimeoutMinutes, defaultCancelTimeout, env); err != nil {
		return g.failure(j, "cancel-timeout-minutes", j.CancelTimeoutMinutes.Pos, err)
	}
	if row.ContinueOnError, err = j.ContinueOnError.EvalBool(env); err != nil {
		return g.failure(j, "continue-on-error", j.ContinueOnError.Pos, err)
	}
	return nil
}

// deploysTo is the name of the environment of a job, empty for none.
func deploysTo(t *workflow.Token, env *expr.Env) (string, error) {
	name, err := t.EvalString(env)
	if err != nil {
		return "", err
	}
	if name = strings.TrimSpace(name); name == "" {
		return "", nil
	}
	return name, actions.CheckEnvironmentName(name)
}

// timeout is a number of whole minutes; what is not positive is the default.
func timeout(t *workflow.Token, standard int, env *expr.Env) (int, error) {
	n, err := t.EvalNumber(env)
	if err != nil {
		return 0, err
	}
	if math.IsNaN(n) || n < 1 {
		return standard, nil
	}
	return int(min(n, maxTimeout)), nil
}

// name is the name of a row as people see it (MAT-2).
func name(j *node, c workflow.Combination, env *expr.Env) (string, error) {
	s, err := j.Name.EvalString(env)
	if err != nil {
		return "", err
	}
	if j.Name != nil && j.Name.Kind == workflow.Expression && s != "" {
		return shorten(s), nil
	}
	if s == "" {
		s = j.ID
	}
	var values []string
	if c.Base != nil {
		values = leaves(values, c.Base)
	}
	if len(values) > 0 {
		s += " (" + strings.Join(values, ", ") + ")"
	}
	return shorten(s), nil
}

// plainName is the name of a job that has no combinations, because it is
// skipped or failed before. What needs a matrix to be known stays as written.
func (g *graph) plainName(j *node) string {
	if j.Name == nil {
		return j.ID
	}
	e := j.Name.Expr
	if e != nil && !e.Uses("matrix") && !e.Uses("strategy") {
		if s, err := j.Name.EvalString(g.environment(g.needsContexts(j), len(g.nodes))); err == nil && s != "" {
			return shorten(s)
		}
	}
	if j.Name.Text() == "" {
		return j.ID
	}
	return shorten(j.Name.Text())
}

// leaves appends the texts of all scalars in v that are not empty.
func leaves(list []string, v expr.Value) []string {
	switch v := v.(type) {
	case *expr.Object:
		for _, item := range v.All() {
			list = leaves(list, item)
		}
	case *expr.Array:
		for _, item := range v.Items {
			list = leaves(list, item)
		}
	default:
		if s := expr.String(v); s != "" {
			list = append(list, s)
		}
	}
	return list
}

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= maxName {
		return s
	}
	return string([]rune(s)[:maxName-3]) + "..."
}

// runsOn reads the labels and the group that a runner must have.
func runsOn(t *workflow.Token, env *expr.Env) (labels []string, group string, err error) {
	v, err := t.Eval(env)
	if err != nil {
		return nil, "", err
	}
	o, ok := v.(*expr.Object)
	if !ok {
		labels, err = labelsOf(v)
		return labels, "", err
	}
	for name, v := range o.All() {
		switch key(name) {
		case "group":
			group = expr.String(v)
			if group == "" {
				return nil, "", errors.New("the runner group is empty")
			}
			if err := actions.CheckGroupName(group); err != nil {
				return nil, "", err
			}
		case "labels":
			if labels, err = labelsOf(v); err != nil {
				return nil, "", err
			}
		default:
			return nil, "", fmt.Errorf("unexpected value '%s'", name)
		}
	}
	if group == "" && len(labels) == 0 {
		return nil, "", errors.New("neither a group nor a label is given")
	}
	return labels, group, nil
}

// labelsOf reads one label or a sequence of labels.
func labelsOf(v expr.Value) ([]string, error) {
	items := []expr.Value{v}
	if a, ok := v.(*expr.Array); ok {
		items = a.Items
	}
	if len(items) == 0 || len(items) > maxLabels {
		return nil, fmt.Errorf("1 to %d labels are expected", maxLabels)
	}
	labels := make([]string, 0, len(items))
	for _, item := range items {
		switch item.(type) {
		case *expr.Array, *expr.Object:
			return nil, errors.New("a label is not a string")
		}
		label := strings.TrimSpace(expr.String(item))
		if label == "" {
			return nil, errors.New("unexpected value ''")
		}
		if err := actions.CheckLabel(label); err != nil {
			return nil, err
		}
		labels = append(labels, label)
	}
	return labels, nil
}
