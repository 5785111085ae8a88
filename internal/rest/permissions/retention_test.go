package permissions_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestRetentionIsASettingOfTheRepository(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		path := s.Path("actions/permissions/artifact-and-log-retention")
		is := func(days, most float64) {
			s.Helper()
			if d := cmp.Diff(map[string]any{"days": days, "maximum_allowed_days": most}, s.Want(s.Get(path), http.StatusOK).JSON(s)); d != "" {
				s.Error(d)
			}
		}
		set := func(body any, status int) *servertest.Reply {
			s.Helper()
			return s.Want(s.Do(http.MethodPut, path, s.AliceToken, body), status)
		}
		_, j, before := s.Dist("a", "b")
		is(90, 400)
		set(resttest.Fields{"days": 5}, http.StatusNoContent)
		is(5, 400)
		after := s.Upload(j, "after", "text/plain", nil)
		if got := after.ExpiresAt.Sub(after.CreatedAt); got > 121*time.Hour || got < 119*time.Hour {
			s.Errorf("kept for %s", got)
		}
		if got := s.Get(s.Path("actions/artifacts", before.ID)).JSON(s)["expires_at"]; got != before.ExpiresAt.UTC().Format(time.RFC3339) {
			s.Errorf("what was there expires at %v, not %v", got, before.ExpiresAt)
		}
		for _, days := range []int{0, -1, 401, 1 << 40} {
			a := set(resttest.Fields{"days": days}, http.StatusUnprocessableEntity).JSON(s)
			if a["message"] != "Validation Failed" || len(a["errors"].([]any)) != 1 {
				s.Errorf("%d days: %v", days, a)
			}
		}
		set(resttest.Fields{}, http.StatusUnprocessableEntity)
		set(resttest.Fields{"days": "many"}, http.StatusUnprocessableEntity)
		set(`{"days": `, http.StatusBadRequest)
		is(5, 400)
		set(resttest.Fields{"days": 400}, http.StatusNoContent)
		s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"private": false}), http.StatusOK)
		is(90, 90)
		writer := s.User("bob")
		s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, writer.ID, actions.Write))
		s.Refused(s.Do(http.MethodGet, path, s.Token(writer, "repo"), nil), http.StatusForbidden, "Must have admin rights to Repository.")
		s.Refused(s.Do(http.MethodPut, path, s.Token(writer, "repo"), resttest.Fields{"days": 1}), http.StatusForbidden, "Must have admin rights to Repository.")
	})
}
