// Package event says what GitHub's events are. It is pure: no I/O and no clock.
//
// One table (file table.go) has a row for each event that a workflow may name
// below `on`: its activity types and filters, by which package workflow checks
// files; the commit and ref that its runs get, and the payload that becomes
// github.event, by which package trigger makes them. An [Event] is one that has
// happened, with all that its payload is made of.
//
// A new event is one row in table.go and one payload, in a file of its own.
package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// An Event is something that has happened in a repository. Whoever saw it happen
// fills it in, and gives it to trigger.Fire.
type Event struct {
	Name   string // of its [Kind]
	Action string // activity type, empty for an event that has none
	Repo   *actions.Repository
	Actor  *actions.Account
	ByJob  bool       // the actor used the token of a job
	Base   shape.Base // for URLs in the payload

	Ref   string          // that runs get, in full; only of an event whose kind says [Own]
	Head  *actions.Commit // that runs get; nil for the one at which the ref stands
	From  *Origin         // what runs are about; nil for Head
	Title string          // of runs, empty for the name of their workflow

	// FilterRef is the full ref that filters of branches and tags look at, empty
	// for an event that has no such filters.
	FilterRef string
	// Changed gives the paths of the files that the event changed, and false when
	// that cannot be told. It is called only when a filter of paths depends on it.
	Changed func() (paths []string, known bool)

	// Since and Until stand for Changed where the event is noted first, and its runs are
	// made later: what Until changed since is what the event changed. Empty where that cannot
	// be told.
	Since, Until string

	Workflow string // path of the only workflow that may start, empty for any
	Inputs   []byte // context inputs of runs, a JSON object; empty for none
	Intent   int64  // the [actions.Push] that it is part of, 0 for none
	Part     string // tells it from the others of its intent; empty for its Ref

	// Complete reads what only the payload needs. It is called once it is known
	// that a workflow starts. nil: everything is there.
	Complete func() error

	WorkflowName string // that the filter of a workflow_run looks at
	FromFork     bool   // what runs came from outside of the repository, so it gets no secrets

	// Given is a payload that was made elsewhere, or when the event happened, a JSON
	// object. nil: the kind makes it.
	Given []byte

	Hold bool // its runs wait until somebody approves them

	Push     *Push     // of a push, and of what it creates and deletes
	Dispatch *Dispatch // of a workflow_dispatch
	Pull     *Pull     // of a pull_request, and of its relatives

	WorkflowRun *WorkflowRun // of a workflow_run; without it the runs do not follow one of here

	Schedule *Schedule // of a schedule
	Status   *Status   // of a status
	Check    *Check    // of a check_run and a check_suite
	Release  *Release  // of a release

	Deployment *Deployment // of a deployment and a deployment_status

	RepositoryDispatch *RepositoryDispatch // of a repository_dispatch
}

// Payload is github.event of the event, as JSON. The event must be of this kind.
func (k Kind) Payload(e *Event) ([]byte, error) {
	if e.Given != nil {
		return e.completed()
	}
	payload, err := json.Marshal(k.payload(e))
	if err != nil {
		return nil, fmt.Errorf("payload of %s: %w", e.Name, err)
	}
	return payload, nil
}

// Ref is the full ref that runs of the event get.
func (k Kind) Ref(e *Event) string {
	if k.Of == DefaultBranch {
		return actions.BranchPrefix + e.Repo.DefaultBranch
	}
	return e.Ref
}

// Message is that of the commit which may ask for no runs.
func (e *Event) Message() string {
	if e.From != nil {
		return e.From.Commit.Message
	}
	return e.Head.Message
}

// Happens says whether the event can happen here by itself. Others are brought by a
// bridge, with their payload: see [Kind.Bridged].
func (k Kind) Happens() bool { return k.payload != nil }

// Bridged says whether the event may have happened elsewhere. What only calls of this
// server cause may not.
func (k Kind) Bridged() bool {
	return k.Of != Caller && k.Name != "workflow_dispatch" && k.Name != "schedule"
}

// KindOf returns the kind of the event with a name, and false when there is none.
func KindOf(name string) (Kind, bool) {
	i, ok := slices.BinarySearchFunc(table, name, func(k Kind, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return Kind{}, false
	}
	return table[i], true
}

// Kinds are all rows of the table.
func Kinds() []Kind { return slices.Clone(table) }

// HasTypes says whether the event has activity types.
func (k Kind) HasTypes() bool { return k.AnyType || len(k.Types) > 0 }

// HasType says whether an activity type is one of the event's.
func (k Kind) HasType(name string) bool { return k.AnyType || slices.Contains(k.Types, name) }

// DefaultTypes are the activity types that count when a workflow names none; with
// none here, all count.
func (k Kind) DefaultTypes() []string {
	if k.Defaults != nil {
		return k.Defaults
	}
	return k.Types
}
