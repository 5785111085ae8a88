// Package workflow reads workflow.yml and action.yml files into types.
//
// [Parse] and [ParseAction] take the bytes of one file and return either a
// value that obeys every rule of the language or [Errors], each with the line
// and column of the text that breaks a rule. What needs no running system is
// checked here: keys and types, ids, the graph of needs, which contexts and
// functions an expression may use where it stands. Below `on` GitHub is lenient, and
// ignores what an event does not know: that is in [Workflow.Warnings].
//
// Reading has two stages. The first turns YAML into a tree of [Token]: it
// resolves scalars by the YAML 1.2 core schema, expands aliases under a limit,
// and bounds size and depth, so that the second stage can walk any input. The
// second stage is a set of small shapes (text, list, record, …) that check the
// tree, parse the expressions in it, and either keep the checked tree, because
// its values are known only later, or fill a Go field.
//
// Values are never modified after reading and may be shared by goroutines.
package workflow

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// A Workflow is one workflow file.
type Workflow struct {
	Path        string // as given to Parse, for messages
	Name        string // empty: callers show the path
	Description string
	RunName     *Token // nil: callers make one from the event
	On          Events
	Env         *Token // mapping, or nil
	Defaults    *Token // mapping {run: {shell, working-directory}}, or nil
	Permissions *Permissions
	CacheMode   string // read, write, write-only, none; empty for what the event gives
	Concurrency *Token // string or mapping {group, cancel-in-progress, queue}, or nil
	Jobs        []*Job // in the order of the file

	Warnings Errors // what below `on` has no effect (TRG-13), in the order found; never more than 10
}

// Job returns the job with the given id, compared without case, or nil.
func (w *Workflow) Job(id string) *Job {
	for _, j := range w.Jobs {
		if strings.EqualFold(j.ID, id) {
			return j
		}
	}
	return nil
}

// Parse reads a workflow file. The path is used in messages only. A non-nil
// error is always of type [Errors].
func Parse(path string, src []byte) (*Workflow, error) {
	r := newReader(path)
	root := r.load(src)
	if root == nil {
		return nil, r.err()
	}
	w := &Workflow{Path: path}
	r.workflow(root, w)
	if err := r.err(); err != nil {
		return nil, err
	}
	w.Warnings = r.warnings
	return w, nil
}

func (r *reader) workflow(t *Token, w *Workflow) {
	trigger := scope("github inputs vars", "")
	r.object(t,
		optional("name", func(v *Token) { w.Name = r.literal(v) }),
		optional("description", func(v *Token) { w.Description = r.literal(v) }),
		optional("run-name", func(v *Token) { w.RunName = text(r, v, trigger) }),
		required("on", func(v *Token) { w.On = r.events(v) }),
		optional("env", func(v *Token) { w.Env = mapOf(text)(r, v, scope("github inputs vars secrets", "")) }),
		optional("defaults", func(v *Token) { w.Defaults = defaults()(r, v, nil) }),
		optional("permissions", func(v *Token) { w.Permissions = r.permissions(v) }),
		optional("cache-mode", func(v *Token) { w.CacheMode = r.cacheMode(v) }),
		optional("concurrency", func(v *Token) { w.Concurrency = r.concurrency(v, trigger) }),
		required("jobs", func(v *Token) { w.Jobs = r.jobs(v) }),
	)
}

// cacheMode is what jobs may do with caches (CACHE-4).
func (r *reader) cacheMode(t *Token) string {
	return r.constant(t, "read", "write", "write-only", "none")
}

// defaults is {run: {shell, working-directory}}.
func defaults() shape {
	return record(prop("run", record(prop("shell", nonEmpty), prop("working-directory", text))))
}

// concurrency reads a group name or {group, cancel-in-progress, queue} (CON-1…3).
func (r *reader) concurrency(t *Token, sc *expr.Scope) *Token {
	c := either(nonEmpty, nil, record(
		need("group", nonEmpty),
		prop("cancel-in-progress", boolean),
		prop("queue", text),
	))(r, t, sc)
	queue := c.Get("queue")
	if queue == nil {
		return c
	}
	if queue.Kind != Expression && queue.Text() != "single" && queue.Text() != "max" {
		r.unexpected(queue)
	}
	if cancel := c.Get("cancel-in-progress"); queue.Text() == "max" && cancel != nil && cancel.Bool {
		r.errorf(queue.Pos, "'queue: max' cannot be combined with 'cancel-in-progress: true'")
	}
	return c
}
