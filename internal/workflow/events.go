package workflow

import (
	"strings"

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
// file does not have it, which differs from an empty one.
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
	e := &Event{Name: r.literal(name), Pos: name.Pos}
	kind, ok := event.KindOf(e.Name)
	if !ok {
		if name.Kind != Sequence && name.Kind != Mapping {
			r.unexpected(name)
		}
		return e
	}
	switch {
	case e.Name == "schedule":
		e.Schedules = r.schedules(t)
		return e
	case t.Kind != Null:
		r.object(t, r.eventFields(e, kind)...)
	}
	if e.Types == nil {
		e.Types = kind.DefaultTypes()
	}
	r.both(t, "branches")
	r.both(t, "tags")
	r.both(t, "paths")
	return e
}

// both refuses a filter together with its opposite (TRG-4).
func (r *reader) both(t *Token, filter string) {
	if ignore := t.Get(filter + "-ignore"); ignore != nil && t.Get(filter) != nil {
		r.errorf(ignore.Pos, "you may only define one of `%[1]s` and `%[1]s-ignore` for a single event", filter)
	}
}

func (r *reader) eventFields(e *Event, kind event.Kind) []field {
	var fields []field
	if kind.HasTypes() {
		fields = append(fields, optional("types", func(v *Token) { e.Types = r.types(v, kind) }))
	}
	for _, key := range kind.Keys {
		fields = append(fields, optional(key, r.eventKey(e, key)))
	}
	return fields
}

// eventKey gives what reads the value of key into e.
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
		return func(v *Token) { e.Workflows = r.names(v) }
	case "inputs":
		return func(v *Token) { e.Inputs = r.inputs(v, e.Name == "workflow_call") }
	case "secrets":
		return func(v *Token) { e.Secrets = r.callSecrets(v) }
	case "outputs":
		return func(v *Token) { e.Outputs = r.callOutputs(v) }
	}
	return func(v *Token) { r.names(v) } // names and versions of image_version: checked only
}

// types reads activity types, each one of those that the event has.
func (r *reader) types(t *Token, kind event.Kind) []string {
	items := t.Items
	if t.Kind != Sequence {
		items = []*Token{t}
	}
	types := make([]string, 0, len(items))
	for _, item := range items {
		name := r.name(item)
		if name != "" && !kind.HasType(name) {
			r.unexpected(item)
		}
		types = append(types, name)
	}
	return types
}

// patterns reads the patterns of one filter (TRG-6).
func (r *reader) patterns(t *Token) []string {
	items := t.Items
	if t.Kind != Sequence {
		items = []*Token{t}
	}
	list := make([]string, 0, len(items))
	for _, item := range items {
		s := r.name(item)
		if _, err := compilePattern(s); err != nil {
			r.errorf(item.Pos, "Invalid pattern '%s': %v", s, err)
		}
		list = append(list, s)
	}
	return list
}

func (r *reader) schedules(t *Token) []Schedule {
	if t.Kind != Sequence {
		r.unexpected(t)
		return nil
	}
	list := make([]Schedule, 0, len(t.Items))
	for _, item := range t.Items {
		s := Schedule{Pos: item.Pos}
		r.object(item,
			required("cron", func(v *Token) {
				s.Cron = r.name(v)
				if len(strings.Fields(s.Cron)) != 5 && s.Cron != "" {
					r.errorf(v.Pos, "Invalid cron expression '%s': five fields are expected", s.Cron)
				}
			}),
			optional("timezone", func(v *Token) { s.Timezone = r.name(v) }),
		)
		list = append(list, s)
	}
	return list
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
