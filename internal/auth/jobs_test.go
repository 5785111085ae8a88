package auth_test

import (
	"crypto/rand"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	tokens "github.com/understudy-ci/understudy/internal/token"
)

func TestAJobIsKnownByItsTokenAsItIsNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := logstest.New(t, st, logs.Limits{})
		job := f.Job("build")
		keys, err := tokens.LoadKeys(t.TempDir(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		jobs := auth.NewJobs(st, keys, time.Now)
		by := func(guid string, acquired time.Time) (*actions.Job, error) {
			text, err := keys.SignJob(tokens.Job{PlanGUID: f.Attempt.PlanID, GUID: guid, RunID: f.Run.ID, ID: job.ID, Acquired: acquired, Expires: time.Now().Add(time.Hour)}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
			r.Header.Set("Authorization", "Bearer "+text)
			j, said, err := jobs.Runner(r)
			if err == nil && said.PlanGUID != f.Attempt.PlanID {
				t.Errorf("the token says %q of the run, want %q", said.PlanGUID, f.Attempt.PlanID)
			}
			return j, err
		}

		for range 2 { // the second time it is remembered
			if j, err := by(job.GUID, job.StartedAt); err != nil || j.ID != job.ID || j.Status != actions.InProgress {
				t.Fatalf("%+v, %v, want job %d in progress", j, err, job.ID)
			}
		}
		if _, err := by(uuid.NewString(), job.StartedAt); actions.KindOf(err) != actions.NotFound {
			t.Errorf("the token of a job that had the number before: %v, want that it is not there", err)
		}
		if _, err := by(job.GUID, job.StartedAt.Add(-time.Minute)); actions.KindOf(err) != actions.NotFound {
			t.Errorf("the token of who had acquired the job before: %v, want that it is not there", err)
		}
		text, err := keys.SignJob(tokens.Job{
			ForSteps: true, PlanGUID: f.Attempt.PlanID, GUID: job.GUID, RunID: f.Run.ID, ID: job.ID, Acquired: job.StartedAt, Expires: time.Now().Add(time.Hour),
		}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ofSteps := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
		ofSteps.Header.Set("Authorization", "Bearer "+text)
		if j, _, err := jobs.Steps(ofSteps); err != nil || j.ID != job.ID {
			t.Errorf("by the token of its steps: %+v, %v, want job %d", j, err, job.ID)
		}
		if j, said, err := jobs.Runner(ofSteps); actions.KindOf(err) != actions.Forbidden || j != nil || said != nil {
			t.Errorf("the token of its steps as its runner's: %+v, %v, want forbidden", j, err)
		}
		if _, _, err := jobs.Runner(httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)); actions.KindOf(err) != actions.Unauthorized {
			t.Errorf("no token: %v, want unauthorized", err)
		}
		f.Complete(job, time.Now())
		if j, err := by(job.GUID, job.StartedAt); err != nil || j.Status != actions.Completed {
			t.Errorf("%+v, %v, want a completed job", j, err)
		}
		err = st.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteRun(t.Context(), f.Repo.ID, f.Run.ID, time.Now()) })
		if err != nil {
			t.Fatal(err)
		}
		if j, err := by(job.GUID, job.StartedAt); actions.KindOf(err) != actions.NotFound {
			t.Errorf("%+v, %v, want that the job is not there any more", j, err)
		}
	})
}
