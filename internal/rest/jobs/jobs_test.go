package jobs_test

import (
	"fmt"
	"net/http"
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
		j.RunnerGroupID, j.RunnerGroup = 7, "big"
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
	if got.GetRunnerName() != "box" || got.GetRunnerGroupName() != "big" || got.GetRunnerGroupID() != 7 || len(got.Steps) != 3 {
		t.Errorf("job %v", got)
	}
	if got.Steps[0].GetConclusion() != "success" || got.Steps[1].Conclusion != nil || got.Steps[2].GetStatus() != "queued" {
		t.Errorf("steps %v", got.Steps)
	}
}

func TestJobsOfARunArePagedWithTheirSteps(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		run := s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), nil)
		s.AddJob(run, func(j *actions.Job) { j.Key, j.Name = "", "what is wrong with the file" })
		for i := range 5 {
			j := s.AddJob(run, func(j *actions.Job) { j.Key, j.Name = fmt.Sprint("job", i), fmt.Sprint("job ", i) })
			s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
				return tx.SaveStep(s.Context(), j, &actions.Step{GUID: uuid.NewString(), Number: 1, Name: fmt.Sprint("step of job ", i), Status: actions.Pending})
			}))
		}
		for page, want := range map[int]string{1: "[job 0 job 1]", 2: "[job 2 job 3]", 3: "[job 4]", 4: "[]"} {
			a := s.Want(s.Get(s.Path("actions/runs", run.ID, fmt.Sprintf("jobs?per_page=2&page=%d", page))), http.StatusOK)
			var got struct {
				Total int `json:"total_count"`
				Jobs  []struct {
					Name  string
					Steps []struct{ Name string }
				}
			}
			a.Into(s, &got)
			names := []string{}
			for _, j := range got.Jobs {
				names = append(names, j.Name)
				if len(j.Steps) != 1 || j.Steps[0].Name != "step of "+j.Name {
					s.Errorf("%s has the steps %v", j.Name, j.Steps)
				}
			}
			if fmt.Sprint(names) != want || got.Total != 5 {
				s.Errorf("page %d: %v of %d, want %s of 5", page, names, got.Total, want)
			}
		}
	})
}
