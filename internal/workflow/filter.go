package workflow

import (
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
)

// Limits of path filters (TRG-7).
const (
	maxChanged = 300        // files of a diff that are looked at
	maxWork    = 20_000_000 // steps of matching one event, about 50 ms
)

// A filter matches names against patterns, within a limit of work for one event.
type filter struct{ budget int }

func newFilter() *filter { return &filter{budget: maxWork} }

// exhausted says whether matching was given up.
func (f *filter) exhausted() bool { return f.budget < 0 }

// in tries the patterns in order; the last that matches decides (TRG-4).
func (f *filter) in(patterns []*pattern, s string) bool {
	in := false
	for _, p := range patterns {
		if in == p.negated && p.matches(s, &f.budget) { // else it changes nothing
			in = !p.negated
		}
	}
	return in
}

// compile compiles patterns that were checked when the file was read.
func compile(list []string) []*pattern {
	patterns := make([]*pattern, 0, len(list))
	for _, s := range list {
		if p, err := compilePattern(s); err == nil {
			patterns = append(patterns, p)
		}
	}
	return patterns
}

// name applies a filter on names and its opposite.
func (f *filter) name(name string, only, ignore []string) bool {
	switch {
	case only != nil:
		return f.in(compile(only), name)
	case ignore != nil:
		return !f.in(compile(ignore), name)
	}
	return true
}

// Match says whether an event starts the workflow, as far as this entry of `on`
// goes: its activity type, its ref, the files that it changed, and of a workflow_run the
// name of its workflow must all pass (TRG-5, TRG-7, TRG-10). Files are not looked at for tags.
func (e *Event) Match(ev *event.Event) bool {
	if len(e.Types) > 0 && !slices.Contains(e.Types, ev.Action) {
		return false
	}
	if len(e.Workflows) > 0 && !slices.Contains(e.Workflows, ev.WorkflowName) {
		return false
	}
	if s := ev.Schedule; s != nil && !slices.ContainsFunc(e.Schedules, func(l Schedule) bool { return l.Cron == s.Cron && l.Timezone == s.Timezone }) {
		return false
	}
	f := newFilter()
	if tag, ok := strings.CutPrefix(ev.FilterRef, actions.TagPrefix); ok {
		if e.Tags == nil && e.TagsIgnore == nil {
			return e.Branches == nil && e.BranchesIgnore == nil
		}
		return f.name(tag, e.Tags, e.TagsIgnore)
	}
	if e.Branches == nil && e.BranchesIgnore == nil && (e.Tags != nil || e.TagsIgnore != nil) {
		return false
	}
	branch := strings.TrimPrefix(ev.FilterRef, actions.BranchPrefix)
	return f.name(branch, e.Branches, e.BranchesIgnore) && e.matchPaths(f, ev.Changed)
}

func (e *Event) matchPaths(f *filter, changed func() ([]string, bool)) bool {
	if e.Paths == nil && e.PathsIgnore == nil {
		return true
	}
	paths, known := changed()
	if !known {
		return true
	}
	only, ignore := compile(e.Paths), compile(e.PathsIgnore)
	for _, path := range paths[:min(len(paths), maxChanged)] {
		hit := f.in(only, path)
		if e.Paths == nil {
			hit = !f.in(ignore, path)
		}
		if hit || f.exhausted() { // as with a diff that takes too long: run
			return true
		}
	}
	return false
}
