package event_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
)

// Threat: untrusted event on the default branch writes the default branch's
// cache. The table is event × ref (CACHE-4).
func TestEventsThatAnyoneCanCauseDoNotWriteTheDefaultBranchsCaches(t *testing.T) {
	const main, feature, tag, pull = "refs/heads/main", "refs/heads/feature", "refs/tags/v1", "refs/pull/7/merge"
	trusted := []string{"push", "schedule", "workflow_dispatch", "repository_dispatch", "delete", "registry_package", "page_build"}
	for _, name := range trusted {
		for _, ref := range []string{main, feature, tag} {
			if got := event.CacheMode(name, ref, "main"); got != actions.CacheWrites {
				t.Errorf("%s on %s: %s", name, ref, got)
			}
		}
	}
	for _, name := range []string{
		"pull_request_target", "issue_comment", "issues", "discussion", "discussion_comment", "fork", "watch", "gollum",
		"workflow_run", "check_run", "check_suite", "status", "pull_request", "an_event_to_come",
	} {
		if got := event.CacheMode(name, main, "main"); got != actions.CacheReads {
			t.Errorf("%s on the default branch: %s", name, got)
		}
	}
	for _, c := range []struct {
		event, ref string
		want       actions.CacheMode
	}{
		{"pull_request", pull, actions.CacheWrites},
		{"pull_request_review", pull, actions.CacheWrites},
		{"release", tag, actions.CacheWrites},
		{"merge_group", "refs/heads/gh-readonly-queue/main/pr-7", actions.CacheWrites},
		{"pull_request_target", feature, actions.CacheReads},
	} {
		if got := event.CacheMode(c.event, c.ref, "main"); got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.event, c.ref, got, c.want)
		}
	}
}
