package runs_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestTheActionsOfARunAreListed(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		run := s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), nil)
		kept := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		sha := strings.Repeat("a", 40)
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
			return tx.LockActions(s.Context(), run.ID, 1, []*actions.LockedAction{
				{Name: "octo/tool", Ref: "v1", SHA: sha, Origin: actions.Fetched, Host: "https://github.com", KeptAt: kept, AskedAt: kept.Add(time.Hour)},
				{Name: "actions/checkout", Ref: "v5", SHA: sha, Origin: actions.BuiltIn},
			})
		}))
		want := map[string]any{
			"total_count": 2.0, "run_attempt": 1.0, "actions": []any{
				map[string]any{"name": "actions/checkout", "ref": "v5", "sha": sha, "origin": "built_in", "host": nil, "kept_at": nil, "asked_at": nil},
				map[string]any{
					"name": "octo/tool", "ref": "v1", "sha": sha, "origin": "fetched", "host": "https://github.com",
					"kept_at": "2026-01-02T03:04:05Z", "asked_at": "2026-01-02T04:04:05Z",
				},
			},
		}
		for _, path := range []string{s.Path("actions/runs", run.ID, "actions"), s.Path("actions/runs", run.ID, "attempts/1/actions")} {
			if diff := cmp.Diff(want, s.Want(s.Get(path), http.StatusOK).JSON(s)); diff != "" {
				s.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
		page := s.Get(s.Path("actions/runs", run.ID, "actions") + "?per_page=1")
		if !strings.Contains(page.Header.Get("Link"), `rel="next"`) {
			s.Errorf("Link: %s", page.Header.Get("Link"))
		}
		s.Want(s.Get(s.Path("actions/runs", run.ID, "attempts/2/actions")), http.StatusNotFound)
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.DeleteRun(s.Context(), s.Repo.ID, run.ID, s.Now()) }))
		if _, total, err := s.Store.LockedActions(s.Context(), run.ID, 1, actions.Page{Number: 1, Size: 1}); err != nil || total != 0 {
			s.Errorf("the report outlives its run: %d, %v", total, err)
		}
	})
}
