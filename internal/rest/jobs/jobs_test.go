package jobs_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestStepsAndRunnersOfAJobAreShown(t *testing.T) {
	s := resttest.New(t)
	_, run := s.Pushed()
	jobs, err := s.Store.Jobs(t.Context(), run.ID, 1)
	s.Must(err)
	j, now := jobs[0], time.Now()
	s.Must(s.Store.Update(t.Context(), func(tx *store.Tx) error {
		j.Status, j.RunnerID, j.RunnerName, j.StartedAt = actions.InProgress, 9, "box", now
		if err := tx.UpdateJob(t.Context(), j); err != nil {
			return err
		}
		for i, status := range []actions.Status{actions.Completed, actions.InProgress, actions.Pending} {
			step := &actions.Step{GUID: uuid.NewString(), Number: i + 1, Name: fmt.Sprint("step ", i), Status: status}
			if status == actions.Completed {
				step.Conclusion, step.StartedAt, step.CompletedAt = actions.Success, now, now
			}
			if err := tx.SaveStep(t.Context(), j, step); err != nil {
				return err
			}
		}
		return nil
	}))
	got, _, err := s.GoGitHub(s.AliceToken).Actions.GetWorkflowJobByID(t.Context(), "alice", "hello", j.ID)
	s.Must(err)
	if got.GetRunnerName() != "box" || got.GetRunnerGroupName() != "Default" || len(got.Steps) != 3 {
		t.Errorf("job %v", got)
	}
	if got.Steps[0].GetConclusion() != "success" || got.Steps[1].Conclusion != nil || got.Steps[2].GetStatus() != "queued" {
		t.Errorf("steps %v", got.Steps)
	}
}
