package event

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Kind is what is known of one event, whoever causes it.
type Kind struct {
	Name string // as `on` and github.event_name have it

	// Types are the activity types that a workflow may name (TRG-13), none for an
	// event without. AnyType means that they are the words of whoever causes it.
	Types    []string
	AnyType  bool
	Defaults []string // those that count when a workflow names none

	// Keys are what else a workflow may say below the event: filters, and what it
	// takes and gives.
	Keys []string

	Of          Of   // which ref and commit its runs get
	Unreadable  bool // a workflow file that cannot be read gets a run, which says what is wrong
	SkipMarkers bool // the message of the commit may ask for no runs (TRG-8)
	FromJobs    bool // starts runs also when a job's token has caused it (TRG-9)

	// Caches is what jobs may do with caches on any ref (CACHE-4). It is empty for
	// what people without write access can set off: see [CacheMode].
	Caches actions.CacheMode

	// payload makes github.event (TRG-3). Without it the event is read and checked
	// in workflow files, and never happens here.
	payload func(*Event) any
}

// Of says which ref and commit the runs of an event are of, and so at which commit
// its workflow files are read (TRG-2).
type Of int

// What runs are of.
const (
	DefaultBranch Of = iota // the default branch of the repository, at its tip
	Own                     // what the event itself names: see the row
	Caller                  // nothing: the run is that of whoever calls the workflow
)

// Keys and activity types that several events have.
const (
	branches = "branches branches-ignore"
	paths    = "paths paths-ignore"
	crud     = "created edited deleted"
	ofPulls  = "assigned unassigned labeled unlabeled opened edited closed reopened synchronize " +
		"converted_to_draft locked unlocked enqueued dequeued milestoned demilestoned ready_for_review " +
		"review_requested review_request_removed auto_merge_enabled auto_merge_disabled stacked"
)

// table is every event that `on` may name, in the order of the alphabet.
var table = []Kind{
	{Name: "branch_protection_rule", Types: words(crud)},
	{Name: "check_run", Types: words("created rerequested completed requested_action"), payload: newCheckRun},
	{Name: "check_suite", Types: words("completed"), payload: newCheckSuite},
	{Name: "create", Of: Own, payload: newCreate}, // the new ref
	{Name: "delete", Caches: actions.CacheWrites, payload: newDelete},
	{Name: "deployment", Of: Own, payload: newDeployment},        // the ref and commit that are deployed; of a bare commit no ref
	{Name: "deployment_status", Of: Own, payload: newDeployment}, // as of deployment
	{
		Name: "discussion",
		Types: words(crud + " transferred pinned unpinned labeled unlabeled locked unlocked category_changed " +
			"answered unanswered"),
	},
	{Name: "discussion_comment", Types: words(crud)},
	{Name: "fork"},
	{Name: "gollum"},
	{Name: "image_version", Types: words("created ready deleted"), Keys: words("names versions")},
	{Name: "issue_comment", Types: words(crud)},
	{
		Name: "issues",
		Types: words("opened edited deleted transferred pinned unpinned closed reopened assigned unassigned " +
			"labeled unlabeled locked unlocked milestoned demilestoned typed untyped field_added field_removed"),
	},
	{Name: "label", Types: words(crud)},
	{Name: "merge_group", Types: words("checks_requested"), Keys: words(branches), Of: Own}, // the ref of the group
	{Name: "milestone", Types: words(crud + " closed opened")},
	{Name: "page_build", Caches: actions.CacheWrites},
	{Name: "project", Types: words("created closed reopened edited deleted")},
	{Name: "project_card", Types: words("created moved converted edited deleted")},
	{Name: "project_column", Types: words("created updated moved deleted")},
	{Name: "public"},
	{ // refs/pull/N/merge, and its base when it was merged
		Name: "pull_request", Types: words(ofPulls), Defaults: words("opened synchronize reopened"), Keys: words(branches, paths),
		Of: Own, SkipMarkers: true, payload: newPull,
	},
	{Name: "pull_request_comment", Types: words(crud)},
	{Name: "pull_request_review", Types: words("submitted edited dismissed"), Of: Own, payload: newPullReview}, // refs/pull/N/merge
	{Name: "pull_request_review_comment", Types: words(crud), Of: Own},                                         // refs/pull/N/merge
	{ // anyone may cause it, so its jobs only read caches, whatever their branch
		Name: "pull_request_target", Types: words(ofPulls), Defaults: words("opened synchronize reopened"), Keys: words(branches, paths),
		Caches: actions.CacheReads, payload: newPull,
	},
	{ // the ref that moved, at where it moved to
		Name: "push", Keys: words(branches, "tags tags-ignore", paths),
		Of: Own, Unreadable: true, SkipMarkers: true, Caches: actions.CacheWrites, payload: newPush,
	},
	{ // the commit of the package
		Name: "registry_package", Types: words("published updated"),
		Of: Own, Caches: actions.CacheWrites,
	},
	{ // the tag
		Name: "release", Types: words("published unpublished created edited deleted prereleased released"),
		Of: Own, payload: newRelease,
	},
	{Name: "repository_dispatch", AnyType: true, FromJobs: true, Caches: actions.CacheWrites, payload: newRepositoryDispatch},
	{Name: "schedule", Caches: actions.CacheWrites, payload: newSchedule},
	{Name: "status", payload: newStatus},
	{Name: "watch", Types: words("started")},
	{Name: "workflow_call", Keys: words("inputs secrets outputs"), Of: Caller},
	{ // the chosen branch or tag
		Name: "workflow_dispatch", Keys: words("inputs"),
		Of: Own, FromJobs: true, Caches: actions.CacheWrites, payload: newDispatch,
	},
	{Name: "workflow_run", Types: words("completed requested in_progress"), Keys: words(branches, "workflows"), payload: newWorkflowRun},
}

// words are those of all texts.
func words(texts ...string) []string { return strings.Fields(strings.Join(texts, " ")) }
