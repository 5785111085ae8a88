package actions_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Threat: untrusted event on the default branch writes the default branch's
// cache. The table is event × ref (CACHE-4).
func TestEventsOfStrangersDoNotWriteTheDefaultBranchsCaches(t *testing.T) {
	const main, feature, tag, pull = "refs/heads/main", "refs/heads/feature", "refs/tags/v1", "refs/pull/7/merge"
	trusted := []string{"push", "schedule", "workflow_dispatch", "repository_dispatch", "delete", "registry_package", "page_build"}
	for _, event := range trusted {
		for _, ref := range []string{main, feature, tag} {
			if got := actions.DefaultCacheMode(event, ref, "main"); got != actions.CacheWrites {
				t.Errorf("%s on %s: %s", event, ref, got)
			}
		}
	}
	for _, event := range []string{
		"pull_request_target", "issue_comment", "issues", "discussion", "discussion_comment", "fork", "watch", "gollum",
		"workflow_run", "check_run", "check_suite", "status", "pull_request", "an_event_to_come",
	} {
		if got := actions.DefaultCacheMode(event, main, "main"); got != actions.CacheReads {
			t.Errorf("%s on the default branch: %s", event, got)
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
		if got := actions.DefaultCacheMode(c.event, c.ref, "main"); got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.event, c.ref, got, c.want)
		}
	}
}

// Threat: cache entry written by a PR read by main. No row lets a job write
// another ref, or read a sibling (CACHE-4).
func TestJobsWriteTheirOwnRefOnly(t *testing.T) {
	const main, feature, tag, pull = "refs/heads/main", "refs/heads/feature", "refs/tags/v1", "refs/pull/7/merge"
	for _, c := range []struct {
		name, ref, base string
		mode            actions.CacheMode
		want            []actions.CacheScope
	}{
		{"default branch", main, "", actions.CacheWrites, []actions.CacheScope{{main, 3}}},
		{"branch", feature, "", actions.CacheWrites, []actions.CacheScope{{feature, 3}, {main, 1}}},
		{"tag", tag, "", actions.CacheWrites, []actions.CacheScope{{tag, 3}, {main, 1}}},
		{"pull request into the default branch", pull, main, actions.CacheWrites, []actions.CacheScope{{pull, 3}, {main, 1}}},
		{"pull request into a branch", pull, feature, actions.CacheWrites, []actions.CacheScope{{pull, 3}, {feature, 1}, {main, 1}}},
		{"read", pull, feature, actions.CacheReads, []actions.CacheScope{{pull, 1}, {feature, 1}, {main, 1}}},
		{"read on the default branch", main, "", actions.CacheReads, []actions.CacheScope{{main, 1}}},
		{"write-only", feature, "", actions.CacheWriteOnly, []actions.CacheScope{{feature, 2}}},
		{"none", main, "", actions.CacheNone, nil},
		{"a mode that is none", main, "", "admin", nil},
		{"no ref", "", "", actions.CacheWrites, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, actions.CacheScopes(c.ref, c.base, "main", c.mode)); d != "" {
				t.Error(d)
			}
		})
	}
	if got := actions.CacheScopes(main, "", "", actions.CacheWrites); len(got) != 1 {
		t.Errorf("without a default branch: %v", got)
	}
}

// CACHE-2.
func TestKeysThatNoCacheMayHave(t *testing.T) {
	long := make([]rune, actions.MaxCacheKey)
	for i := range long {
		long[i] = 'é'
	}
	for name, c := range map[string]struct {
		key string
		ok  bool
	}{
		"plain": {"Linux-npm-0123", true}, "emoji": {"🚀 go", true}, "512 characters": {string(long), true}, "like a path": {"../../etc", true},
		"empty": {"", false}, "513 characters": {string(long) + "x", false}, "comma": {"a,b", false}, "NUL": {"a\x00", false},
		"line break": {"a\n", false}, "not UTF-8": {"\xff", false},
	} {
		if err := actions.CheckCacheKey(c.key); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for version, ok := range map[string]bool{"v": true, "": false, "\xff": false, "a\x00": false, string(make([]byte, 513)): false} {
		if err := actions.CheckCacheVersion(version); (err == nil) != ok {
			t.Errorf("version %.10q: %v", version, err)
		}
	}
}
