package actions_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

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
