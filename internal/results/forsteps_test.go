package results_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A step's token is seen by everything that the step runs: with it nobody can write
// what the job shows.
func TestTheTokenOfStepsSaysNothingForTheRunner(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.Job("build")
		steps := s.tokenFor(j, true)
		in := struct {
			wire.ResultsIDs
			StepID      string            `json:"step_backend_id"`
			ChangeOrder int               `json:"change_order"`
			Steps       []wire.StepUpdate `json:"steps"`
		}{s.ids(j), uuid.NewString(), 1, []wire.StepUpdate{{ExternalID: uuid.NewString(), Name: "forged", Conclusion: wire.StepSuccess}}}
		for _, path := range []string{
			"/" + wire.ReceiverPrefix + wire.GetStepLogsURL, "/" + wire.ReceiverPrefix + wire.CreateStepLogs,
			"/" + wire.ReceiverPrefix + wire.GetJobLogsURL, "/" + wire.ReceiverPrefix + wire.CreateJobLogs,
			"/" + wire.ReceiverPrefix + wire.GetStepSummaryURL, "/" + wire.ReceiverPrefix + wire.CreateStepSummary,
			"/" + wire.ReceiverPrefix + wire.GetJobDiagnosticsURL, "/" + wire.StepsUpdatePath,
		} {
			if status, code := s.callAs(steps, path, in, nil); status != http.StatusForbidden || code != "permission_denied" {
				t.Errorf("%s with the token of steps: %d %s, want 403 permission_denied", path, status, code)
			}
			if status, code := s.callAs(s.token(j), path, in, nil); status != http.StatusOK {
				t.Errorf("%s with the runner's token: %d %s, want 200", path, status, code)
			}
		}
	})
}

func TestTheTokenOfStepsReachesWhatActionsNeed(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.Job("build")
		steps, err := s.Keys.SignJob(token.Job{
			ForSteps: true, PlanGUID: s.Attempt.PlanID, GUID: j.GUID, RepoID: j.RepoID, RunID: j.RunID, ID: j.ID, Acquired: j.StartedAt, Expires: time.Now().Add(time.Hour),
			Caches: actions.CacheScopes("refs/heads/main", "", "main", actions.CacheWrites),
		}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c := &resultstest.Client{HTTP: s.Client, Base: s.URL, Token: steps, IDs: s.ids(j)}
		if _, err := c.Upload(t.Context(), "a", []byte("content"), 4); err != nil {
			t.Errorf("an artifact: %v", err)
		}
		if got, err := c.Download(t.Context(), "a"); err != nil || string(got) != "content" {
			t.Errorf("the artifact: %q, %v", got, err)
		}
		for _, method := range []string{wire.CreateCacheEntry, wire.FinalizeCacheEntryUpload, wire.GetCacheEntryDownloadURL} {
			in := map[string]string{"key": "k", "version": "v"}
			if status, code := s.callAs(steps, "/twirp/"+wire.CacheService+"/"+method, in, nil); status != http.StatusOK {
				t.Errorf("caches, %s: %d %s, want 200", method, status, code)
			}
		}
		older := s.Do(http.MethodGet, "/_apis/artifactcache/cache?keys=k&version=v", steps, nil)
		if older.StatusCode != http.StatusNoContent {
			t.Errorf("caches of version 1: %d %s, want 204", older.StatusCode, older.Text)
		}
		older = s.Do(http.MethodGet, "/_apis/pipelines/workflows/1/artifacts", steps, nil)
		if older.StatusCode != http.StatusOK {
			t.Errorf("artifacts of version 3: %d %s, want 200", older.StatusCode, older.Text)
		}
	})
}
