package workflow_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/goldentest"
	"github.com/understudy-ci/understudy/internal/workflow"
)

var update = flag.Bool("update", false, "write the golden files")

// Each archive in testdata holds files to read, NAME.yml, and what they must
// give, NAME.want: a dump or the errors. Archives named action* hold actions.
func TestFilesReadAsRecorded(t *testing.T) { // REU-3, YAML-8, YAML-9
	goldentest.Check(t, *update, func(_ *testing.T, f *goldentest.File) string {
		return read(strings.HasPrefix(f.Archive, "action"), f.Name, []byte(f.Text))
	})
}

// read gives the dump or the errors of one file.
func read(action bool, name string, src []byte) string {
	var d dumper
	if action {
		a, err := workflow.ParseAction(name, src)
		if err != nil {
			return err.Error() + "\n"
		}
		d.action(a)
		return d.String()
	}
	w, err := workflow.Parse(name, src)
	var errs workflow.Errors
	switch {
	case errors.As(err, &errs):
		return errs.Error() + "\n"
	case err != nil:
		return fmt.Sprintf("not of type Errors: %T %v\n", err, err)
	}
	d.workflow(w)
	return d.String()
}

// A dumper prints what was read, leaving out what is absent.
type dumper struct{ strings.Builder }

func (d *dumper) line(indent int, key, value string) {
	if value != "" {
		fmt.Fprintf(d, "%s%s: %s\n", strings.Repeat("  ", indent), key, value)
	}
}

func (d *dumper) token(indent int, key string, t *workflow.Token) {
	if t != nil {
		d.line(indent, key, show(t))
	}
}

func (d *dumper) names(indent int, key string, names []string) {
	if names != nil {
		d.line(indent, key, fmt.Sprintf("%q", names))
	}
}

func (d *dumper) workflow(w *workflow.Workflow) {
	d.line(0, "name", w.Name)
	d.line(0, "description", w.Description)
	d.token(0, "run-name", w.RunName)
	for _, e := range w.On {
		d.event(e)
	}
	d.token(0, "env", w.Env)
	d.token(0, "defaults", w.Defaults)
	d.permissions(0, w.Permissions)
	d.line(0, "cache-mode", w.CacheMode)
	d.token(0, "concurrency", w.Concurrency)
	for _, j := range w.Jobs {
		d.job(j)
	}
	for _, warning := range w.Warnings {
		d.line(0, "warning", warning.Error())
	}
}

func (d *dumper) permissions(indent int, p *workflow.Permissions) {
	if p == nil {
		return
	}
	var list []string
	for _, scope := range slices.Sorted(maps.Keys(p.Grants())) {
		list = append(list, scope+"="+string(p.Level(scope)))
	}
	d.line(indent, "grants", strings.Join(list, " "))
}

func (d *dumper) event(e *workflow.Event) {
	fmt.Fprintf(d, "on %s (%d:%d)\n", e.Name, e.Pos.Line, e.Pos.Col)
	if len(e.Types) > 0 {
		d.names(1, "types", e.Types)
	}
	d.names(1, "branches", e.Branches)
	d.names(1, "branches-ignore", e.BranchesIgnore)
	d.names(1, "tags", e.Tags)
	d.names(1, "tags-ignore", e.TagsIgnore)
	d.names(1, "paths", e.Paths)
	d.names(1, "paths-ignore", e.PathsIgnore)
	d.names(1, "workflows", e.Workflows)
	for _, in := range e.Inputs {
		d.line(1, "input", strings.TrimSpace(fmt.Sprintf("%s %s required=%t %s", in.Name, in.Type, in.Required, in.Description)))
		d.token(2, "default", in.Default)
		d.names(2, "options", in.Options)
	}
	for _, s := range e.Secrets {
		d.line(1, "secret", fmt.Sprintf("%s required=%t", s.Name, s.Required))
	}
	for _, o := range e.Outputs {
		d.token(1, "output "+o.Name, o.Value)
	}
	for _, s := range e.Schedules {
		d.line(1, "cron", strings.TrimSpace(s.Cron+" "+s.Timezone))
	}
}

func (d *dumper) job(j *workflow.Job) {
	fmt.Fprintf(d, "job %s (%d:%d)\n", j.ID, j.Pos.Line, j.Pos.Col)
	d.token(1, "name", j.Name)
	d.names(1, "needs", j.Needs)
	d.line(1, "if", j.If.String())
	d.token(1, "strategy", j.Strategy)
	d.token(1, "runs-on", j.RunsOn)
	d.token(1, "env", j.Env)
	d.token(1, "defaults", j.Defaults)
	d.token(1, "outputs", j.Outputs)
	d.token(1, "timeout-minutes", j.TimeoutMinutes)
	d.token(1, "cancel-timeout-minutes", j.CancelTimeoutMinutes)
	d.token(1, "continue-on-error", j.ContinueOnError)
	d.token(1, "concurrency", j.Concurrency)
	d.token(1, "environment", j.Environment)
	d.token(1, "container", j.Container)
	d.token(1, "services", j.Services)
	d.permissions(1, j.Permissions)
	d.line(1, "cache-mode", j.CacheMode)
	d.line(1, "uses", j.Uses)
	d.token(1, "with", j.With)
	d.token(1, "secrets", j.Secrets)
	for _, s := range j.Steps {
		d.step(s)
	}
}

func (d *dumper) step(s *workflow.Step) {
	fmt.Fprintf(d, "  step %s (%d:%d)\n", s.ID, s.Pos.Line, s.Pos.Col)
	d.token(2, "name", s.Name)
	d.line(2, "if", s.If.String())
	d.token(2, "run", s.Run)
	d.token(2, "shell", s.Shell)
	d.token(2, "working-directory", s.WorkingDirectory)
	if s.Action != nil {
		d.line(2, "uses", fmt.Sprintf("%+v", *s.Action))
	}
	d.token(2, "with", s.With)
	d.token(2, "env", s.Env)
	d.token(2, "timeout-minutes", s.TimeoutMinutes)
	d.token(2, "continue-on-error", s.ContinueOnError)
}

func (d *dumper) action(a *workflow.Action) {
	d.line(0, "name", a.Name)
	d.line(0, "description", a.Description)
	for _, in := range a.Inputs {
		d.line(0, "input", strings.TrimSpace(fmt.Sprintf("%s required=%t %s", in.Name, in.Required, in.DeprecationMessage)))
		d.token(1, "default", in.Default)
	}
	for _, o := range a.Outputs {
		d.line(0, "output", o.Name)
		d.token(1, "value", o.Value)
	}
	d.line(0, "using", a.Runs.Using)
	d.line(0, "main", a.Runs.Main)
	d.line(0, "pre", a.Runs.Pre)
	d.line(0, "post", a.Runs.Post)
	if a.Runs.PreIf != nil {
		d.line(0, "pre-if", a.Runs.PreIf.String())
	}
	if a.Runs.PostIf != nil {
		d.line(0, "post-if", a.Runs.PostIf.String())
	}
	d.line(0, "image", a.Runs.Image)
	d.line(0, "entrypoint", a.Runs.Entrypoint)
	d.line(0, "pre-entrypoint", a.Runs.PreEntrypoint)
	d.line(0, "post-entrypoint", a.Runs.PostEntrypoint)
	d.token(0, "args", a.Runs.Args)
	d.token(0, "env", a.Runs.Env)
	for _, s := range a.Runs.Steps {
		d.step(s)
	}
}

// show prints a token: strings quoted, expressions as a runner gets them.
func show(t *workflow.Token) string {
	var parts []string
	switch t.Kind {
	case workflow.String:
		return strconv.Quote(t.Str)
	case workflow.Expression:
		return "${{ " + t.Expr.String() + " }}"
	case workflow.Sequence:
		for _, item := range t.Items {
			parts = append(parts, show(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case workflow.Mapping:
		for _, p := range t.Pairs {
			parts = append(parts, show(p.Key)+": "+show(p.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case workflow.Null:
		return "null"
	case workflow.Insert, workflow.Boolean, workflow.Number:
	}
	return t.Text()
}
