package actions_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestAShortRefIsWhatPeopleSay(t *testing.T) {
	for ref, want := range map[string]string{
		"refs/heads/main":        "main",
		"refs/heads/refs/tags/x": "refs/tags/x",
		"refs/tags/v1/a":         "v1/a",
		"refs/pull/5/merge":      "5/merge",
		"main":                   "main",
	} {
		if got := actions.ShortRef(ref); got != want {
			t.Errorf("%s: got %q, want %q", ref, got, want)
		}
	}
	if !actions.IsFullRef("refs/tags/v1") || actions.IsFullRef("v1") || actions.IsFullRef("refs/pull/5/merge") {
		t.Error("only names of branches and tags with their prefix are full")
	}
}
