package runnerapi_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Threat: cache entry written by a PR read by main; untrusted event on the
// default branch writes the default branch's cache. The rights stand in the
// token, which the server goes by; the variable only spares calls (CACHE-4).
func TestTheTokenSaysWhatTheJobMayDoWithCaches(t *testing.T) {
	w := newWorld(t, openStore(t))
	const main, feature, pull = "refs/heads/main", "refs/heads/feature", "refs/pull/7/merge"
	into := func(branch string) string { return fmt.Sprintf(`{"pull_request":{"base":{"ref":%q}}}`, branch) }
	for i, c := range []struct {
		name, event, ref, payload string
		workflow, job             string // their cache-mode
		want                      []actions.CacheScope
		variable                  string
	}{
		{"push to main", "push", main, `{}`, "", "", []actions.CacheScope{{Scope: main, Permission: 3}}, ""},
		{"push to a branch", "push", feature, `{}`, "", "", []actions.CacheScope{{Scope: feature, Permission: 3}, {Scope: main, Permission: 1}}, ""},
		{
			"pull request", "pull_request", pull, into("feature"), "", "",
			[]actions.CacheScope{{Scope: pull, Permission: 3}, {Scope: feature, Permission: 1}, {Scope: main, Permission: 1}},
			"",
		},
		{"pull request without a base", "pull_request", pull, `{"pull_request":[]}`, "", "", []actions.CacheScope{{Scope: pull, Permission: 3}, {Scope: main, Permission: 1}}, ""},
		{"stranger's comment", "issue_comment", main, `{}`, "", "", []actions.CacheScope{{Scope: main, Permission: 1}}, "read"},
		{"pull_request_target", "pull_request_target", main, into("main"), "", "", []actions.CacheScope{{Scope: main, Permission: 1}}, "read"},
		{"a push's payload that names a base", "push", feature, into("secret"), "", "", []actions.CacheScope{{Scope: feature, Permission: 3}, {Scope: main, Permission: 1}}, ""},
		{"workflow says read", "push", main, `{}`, "read", "", []actions.CacheScope{{Scope: main, Permission: 1}}, "read"},
		{"job over workflow", "push", main, `{}`, "none", "write", []actions.CacheScope{{Scope: main, Permission: 3}}, ""},
		{"write-only", "push", feature, `{}`, "", "write-only", []actions.CacheScope{{Scope: feature, Permission: 2}}, "write-only"},
		{"none", "push", main, `{}`, "", "none", []actions.CacheScope{}, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "on: push\n"
			if c.workflow != "" {
				text += "cache-mode: " + c.workflow + "\n"
			}
			text += "jobs:\n  a:\n    runs-on: self-hosted\n    steps: [{run: a}]\n"
			if c.job != "" {
				text += "    cache-mode: " + c.job + "\n"
			}
			run := w.startFor(w.scheduler, event{c.event, c.ref, c.payload}, text, text)
			h := w.runner(fmt.Sprint("box", i)).take(w.job(run).GUID)
			got, err := w.keys.Job(h.msg.Connection().Token(), w.now())
			if d := cmp.Diff(c.want, got.Caches); err != nil || d != "" {
				t.Error(err, d)
			}
			if v := h.msg.Variable(wire.VarCacheMode); v != c.variable || h.msg.Variable(wire.VarCacheV2) != "true" {
				t.Errorf("mode %q, want %q; service v2 %q", v, c.variable, h.msg.Variable(wire.VarCacheV2))
			}
		})
	}
}
