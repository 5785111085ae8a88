package oidc

import "testing"

func TestTheContextOfASubjectIsTheFirstThatAJobHas(t *testing.T) { // OIDC-3
	for _, test := range []struct {
		event  string
		claims map[string]string
		want   string
	}{
		{"pull_request", map[string]string{"ref": "refs/pull/7/merge"}, "pull_request"},
		{"pull_request", map[string]string{"ref": "refs/pull/7/merge", "environment": "prod"}, "environment:prod"},
		{"push", map[string]string{"ref": "refs/heads/main", "environment": "a:%3A"}, "environment:a%3A%253A"},
		{"push", map[string]string{"ref": "refs/heads/50%"}, "ref:refs/heads/50%25"},
		{"workflow_dispatch", map[string]string{"ref": "refs/tags/v1"}, "ref:refs/tags/v1"},
	} {
		is := &identity{event: test.event, claims: test.claims}
		if got := is.context(); got != test.want {
			t.Errorf("%s %v: %q, want %q", test.event, test.claims, got, test.want)
		}
	}
}
