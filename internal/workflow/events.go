package workflow

import (
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/cron"
	"github.com/understudy-ci/understudy/internal/event"
)

// Events are the entries of `on`, in the order of the file.
type Events []*Event

// Event returns the entry for the event, or nil.
func (e Events) Event(name string) *Event {
	for _, ev := range e {
		if ev.Name == name {
			return ev
		}
	}
	return nil
}

// An Event is one entry of `on` with its filters. A filter is nil when the
// file does not have it, which differs from an empty one. What the event does not
// know is in [Workflow.Warnings].
type Event struct {
	Name  string
	Pos   Pos
	Types []string // activity types; the defaults of the event when the file names none

	Branches, BranchesIgnore []string
	Tags, TagsIgnore         []string
	Paths, PathsIgnore       []string

	Inputs    []*Input      // of workflow_dispatch and workflow_call
	Secrets   []*CallSecret // of workflow_call
	Outputs   []*CallOutput // of workflow_call
	Schedules []Schedule    // of schedule
	Workflows []string      // of workflow_run: names
}

// A Schedule is one entry of on.schedule.
type Schedule struct {
	Cron     string // five fields
	Timezone string // IANA name; empty is UTC
	Pos      Pos
}

// A CallSecret is a secret that a reusable workflow takes.
type CallSecret struct {
	Name, Description string
	Required          bool
}

// A CallOutput is an output of a reusable workflow.
type CallOutput struct {
	Name, Description string
	Value             *Token
}

// events reads `on`: a name, a sequence of names, or a mapping.
func (r *reader) events(t *Token) Events {
	var events Events
	switch t.Kind {
	case Mapping:
		for key, value := range r.pairs(t) {
			events = append(events, r.event(key, value))
		}
	case Sequence:
		for _, item := range t.Items {
			events = append(events, r.event(item, &Token{Kind: Null, Pos: item.Pos}))
		}
	case String, Expression, Insert, Boolean, Number, Null:
		events = append(events, r.event(t, &Token{Kind: Null, Pos: t.Pos}))
	}
	if len(events) == 0 {
		r.errorf(t.Pos, "No event triggers defined in `on`")
	}
	return events
}

func (r *reader) event(name, t *Token) *Event {
	text, ok := r.read(name)
	e := &Event{Name: text, Pos: name.Pos}
	kind, known := event.KindOf(e.Name)
	switch {
	case !ok:
	case !known:
		r.unexpected(name)
	case e.Name == "schedule":
		e.Schedules = r.schedules(t)
	default:
		r.below(e, kind, t)
	}
	return e
}

// below reads what stands below an event. What the event does not know is a warning;
// only below workflow_call, on which callers rely, it is an error (TRG-13).
func (r *reader) below(e *Event, kind event.Kind, t *Token) {
	var fields []field
	if kind.HasTypes() {
		fields = append(fields, optional("types", func(v *Token) { e.Types = r.types(v, kind) }))
	}
	for _, key := range kind.Keys {
		fields = append(fields, optional(key, r.eventKey(e, key)))
	}
	switch {
	case e.Name != workflowCall:
		r.lenient(t, "the event '"+e.Name+"'", fields...)
	case t.Kind != Null:
		r.object(t, fields...)
	}
	if e.Types == nil {
		e.Types = kind.DefaultTypes()
	}
	for _, filter := range []string{"branches", "tags", "paths"} {
		if slices.Contains(kind.Keys, filter) {
			r.both(t, filter)
		}
	}
}

const workflowCall = "workflow_call"

// both refuses a filter together with its opposite (TRG-4). The error is at the later
// of the two.
func (r *reader) both(t *Token, filter string) {
	var found []*Token
	for _, p := range t.Pairs {
		if p.Key.Str == filter || p.Key.Str == filter+"-ignore" {
			found = append(found, p.Key)
		}
	}
	if len(found) > 1 {
		r.errorf(found[1].Pos, "you may only define one of `%[1]s` and `%[1]s-ignore` for a single event", filter)
	}
}

// eventKey returns the function that reads the value of key into e.
func (r *reader) eventKey(e *Event, key string) func(*Token) {
	patterns := func(dst *[]string) func(*Token) { return func(v *Token) { *dst = r.patterns(v) } }
	switch key {
	case "branches":
		return patterns(&e.Branches)
	case "branches-ignore":
		return patterns(&e.BranchesIgnore)
	case "tags":
		return patterns(&e.Tags)
	case "tags-ignore":
		return patterns(&e.TagsIgnore)
	case "paths":
		return patterns(&e.Paths)
	case "paths-ignore":
		return patterns(&e.PathsIgnore)
	case "workflows":
		return func(v *Token) { e.Workflows = textsOf(r.texts(v)) }
	case "inputs":
		if e.Name == workflowCall {
			return func(v *Token) { e.Inputs = r.callInputs(v) }
		}
		return func(v *Token) { e.Inputs = r.dispatchInputs(v) }
	case "secrets":
		return func(v *Token) { e.Secrets = r.callSecrets(v) }
	case "outputs":
		return func(v *Token) { e.Outputs = r.callOutputs(v) }
	}
	return func(v *Token) { r.texts(v) } // names and versions of image_version: checked only
}

// types reads activity types. One that the event does not have never happens.
func (r *reader) types(t *Token, kind event.Kind) []string {
	items := r.texts(t)
	for _, item := range items {
		if !kind.HasType(item.Text()) {
			r.warnf(item.Pos, "'%s' is ignored: the event '%s' has no such activity type", item.Text(), kind.Name)
		}
	}
	return textsOf(items)
}

// patterns reads the patterns of one filter (TRG-6), and leaves out what is not a
// pattern.
func (r *reader) patterns(t *Token) []string {
	return textsOf(slices.DeleteFunc(r.texts(t), func(item *Token) bool {
		_, err := compilePattern(item.Text())
		if err != nil {
			r.warnf(item.Pos, "The pattern '%s' is ignored: %v", item.Text(), err)
		}
		return err != nil
	}))
}

func (r *reader) schedules(t *Token) []Schedule {
	if t.Kind != Sequence {
		r.misplaced(t)
		return nil
	}
	list := make([]Schedule, 0, len(t.Items))
	for _, item := range t.Items {
		list = append(list, r.schedule(item))
	}
	return list
}

// schedule reads one entry. What is wrong with its cron line is an error, what is
// wrong with its other keys a warning (TRG-13).
func (r *reader) schedule(t *Token) Schedule {
	s := Schedule{Pos: t.Pos}
	if t.Kind != Mapping {
		r.misplaced(t)
		return s
	}
	r.lenient(t, "a schedule",
		optional("cron", func(v *Token) {
			if s.Cron = r.name(v); s.Cron == "" {
				return
			}
			if _, err := cron.Parse(s.Cron, ""); err != nil {
				r.errorf(v.Pos, "Invalid cron expression '%s': %v", actions.Clip(s.Cron, 100), err)
			}
		}),
		optional("timezone", func(v *Token) {
			s.Timezone, _ = r.text(v)
			if _, err := cron.Zone(s.Timezone); err != nil {
				r.errorf(v.Pos, "Invalid timezone: %v", err)
			}
		}),
	)
	if t.Get("cron") == nil {
		r.errorf(t.Pos, "Required property is missing: cron")
	}
	return s
}

func (r *reader) callSecrets(t *Token) []*CallSecret {
	var list []*CallSecret
	for key, value := range r.pairs(t) {
		s := &CallSecret{Name: r.name(key)}
		if value.Kind != Null {
			r.object(value,
				optional("description", func(v *Token) { s.Description = r.literal(v) }),
				optional("required", func(v *Token) { s.Required = r.flag(v) }),
			)
		}
		list = append(list, s)
	}
	return list
}

func (r *reader) callOutputs(t *Token) []*CallOutput {
	var list []*CallOutput
	for key, value := range r.pairs(t) {
		o := &CallOutput{Name: r.name(key)}
		r.object(value,
			optional("description", func(v *Token) { o.Description = r.literal(v) }),
			required("value", func(v *Token) { o.Value = text(r, v, scope(runContexts+" jobs", "")) }),
		)
		list = append(list, o)
	}
	return list
}
