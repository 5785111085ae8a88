package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestTheRunPageSaysWhatItsActionsStoodFor(t *testing.T) {
	s := newSample(t, plain)
	b := s.browser()
	contains(t, b.get(runPath(pathOf(s.repo), s.done.ID)).body, `Actions <small>4</small>`, "docker/login-action@v3", strings.Repeat("d", 40),
		"fetched from github.com, <time", "built in", "this server", "commit made here")
	if page := b.get(runPath(pathOf(s.repo), s.running.ID)).body; strings.Contains(page, `id="actions"`) {
		t.Error("a run without actions has a list of them")
	}
	s.update(func(tx *store.Tx) error {
		var many []*actions.LockedAction
		for i := range 60 {
			many = append(many, &actions.LockedAction{Name: fmt.Sprintf("octo/a-%02d", i), Ref: "v1", SHA: strings.Repeat("a", 40), Origin: actions.OfRepository})
		}
		return tx.LockActions(t.Context(), s.running.ID, 1, many)
	})
	contains(t, b.get(runPath(pathOf(s.repo), s.running.ID)).body, `href="?actions=2#actions"`, "octo/a-49@")
	contains(t, b.get(runPath(pathOf(s.repo), s.running.ID)+"?actions=2").body, "octo/a-59@", `href="?actions=1#actions"`)
}
