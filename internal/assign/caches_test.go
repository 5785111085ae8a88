package assign_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// Threat: cache entry written by a PR read by main; untrusted event on the
// default branch writes the default branch's cache. The rights stand in the
// token, which the server goes by (CACHE-4).
func TestTheTokenSaysWhatTheJobMayDoWithCaches(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	const feature, pull = "refs/heads/feature", "refs/pull/7/merge"
	into := func(branch string) string { return fmt.Sprintf(`{"pull_request":{"base":{"ref":%q}}}`, branch) }
	for _, c := range []struct {
		name, event, ref, payload string
		workflow, job             string // their cache-mode
		want                      []actions.CacheScope
		mode                      actions.CacheMode
	}{
		{"push to main", "push", main, `{}`, "", "", []actions.CacheScope{{Scope: main, Permission: 3}}, actions.CacheWrites},
		{"push to a branch", "push", feature, `{}`, "", "", []actions.CacheScope{{Scope: feature, Permission: 3}, {Scope: main, Permission: 1}}, actions.CacheWrites},
		{
			"pull request", "pull_request", pull, into("feature"), "", "",
			[]actions.CacheScope{{Scope: pull, Permission: 3}, {Scope: feature, Permission: 1}, {Scope: main, Permission: 1}},
			actions.CacheWrites,
		},
		{"pull request without a base", "pull_request", pull, `{"pull_request":[]}`, "", "", []actions.CacheScope{{Scope: pull, Permission: 3}, {Scope: main, Permission: 1}}, actions.CacheWrites},
		{"comment of somebody else", "issue_comment", main, `{}`, "", "", []actions.CacheScope{{Scope: main, Permission: 1}}, actions.CacheReads},
		{"pull_request_target", "pull_request_target", main, into("main"), "", "", []actions.CacheScope{{Scope: main, Permission: 1}}, actions.CacheReads},
		{"a push's payload that names a base", "push", feature, into("secret"), "", "", []actions.CacheScope{{Scope: feature, Permission: 3}, {Scope: main, Permission: 1}}, actions.CacheWrites},
		{"workflow says read", "push", main, `{}`, "read", "", []actions.CacheScope{{Scope: main, Permission: 1}}, actions.CacheReads},
		{"job over workflow", "push", main, `{}`, "none", "write", []actions.CacheScope{{Scope: main, Permission: 3}}, actions.CacheWrites},
		{"write-only", "push", feature, `{}`, "", "write-only", []actions.CacheScope{{Scope: feature, Permission: 2}}, actions.CacheWriteOnly},
		{"none", "push", main, `{}`, "", "none", []actions.CacheScope{}, actions.CacheNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "on: push\n"
			if c.workflow != "" {
				text += "cache-mode: " + c.workflow + "\n"
			}
			text += "jobs:\n  a:\n    runs-on: x\n    steps: [{run: a}]\n"
			if c.job != "" {
				text += "    cache-mode: " + c.job + "\n"
			}
			d := b.take(b.start(event{c.event, c.ref, c.payload}, text, text))
			if diff := cmp.Diff(c.want, b.access(d).Caches); diff != "" || d.Caches != c.mode {
				t.Errorf("mode %s, want %s; refs (-want +got)\n%s", d.Caches, c.mode, diff)
			}
		})
	}
}
