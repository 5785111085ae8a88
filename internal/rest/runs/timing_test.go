package runs_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// start adds a job with labels that a runner took.
func start(s *resttest.Site, run *actions.Run, labels ...string) *actions.Job {
	s.Helper()
	j := s.AddJob(run, func(j *actions.Job) { j.Labels = labels })
	resttest.Started(j)
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.UpdateJob(s.Context(), j) }))
	return j
}

func TestUsageOfARunNamesTheJobsOfEachSystem(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		run := s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), func(r *actions.Run) { r.UpdatedAt = r.StartedAt.Add(90 * time.Second) })
		linux := []int64{start(s, run, "ubuntu-latest").ID, start(s, run, "Ubuntu-24.04").ID}
		windows := []int64{start(s, run, "windows-2025").ID}
		start(s, run, "self-hosted", "linux")
		s.AddJob(run, func(j *actions.Job) { j.Labels = []string{"macos-15"} }) // no runner took it

		got, _, err := s.GoGitHub(s.AliceToken).Actions.GetWorkflowRunUsageByID(s.Context(), "alice", "hello", run.ID)
		s.Must(err)
		if got.GetRunDurationMS() != 90_000 {
			s.Errorf("the run took %d ms, want 90000", got.GetRunDurationMS())
		}
		want := map[string][]int64{"UBUNTU": linux, "WINDOWS": windows}
		for system, bill := range *got.GetBillable() {
			ids := make([]int64, 0, len(bill.JobRuns))
			for _, j := range bill.JobRuns {
				ids = append(ids, int64(j.GetJobID()))
				if j.GetDurationMS() != 0 {
					s.Errorf("job %d is billed %d ms", j.GetJobID(), j.GetDurationMS())
				}
			}
			if !slices.Equal(ids, want[system]) || bill.GetJobs() != len(ids) || bill.GetTotalMS() != 0 {
				s.Errorf("%s: %d jobs %v, %d ms; want %v and 0 ms", system, bill.GetJobs(), ids, bill.GetTotalMS(), want[system])
			}
			delete(want, system)
		}
		if len(want) > 0 {
			s.Errorf("not told: %v", want)
		}
	})
}

func TestUsageOfARunThatGoesOnGrows(t *testing.T) {
	s := resttest.New(t)
	run := s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), func(r *actions.Run) {
		r.Status, r.Conclusion, r.UpdatedAt = actions.InProgress, "", time.Time{}
		r.StartedAt = s.Now().Add(-time.Minute)
	})
	got := s.Get(s.Path("actions/runs", run.ID, "timing")).JSON(t)
	if ms, ok := got["run_duration_ms"].(float64); !ok || ms < 60_000 {
		t.Errorf("after a minute: %v", got)
	}
	if billable, ok := got["billable"].(map[string]any); !ok || len(billable) != 0 {
		t.Errorf("billable %v of a run without jobs", got["billable"])
	}
}

func TestUsageOfARunOfAnotherRepositoryIsNotFound(t *testing.T) {
	s := resttest.New(t)
	run := s.AddRun(s.AddWorkflow(s.Repository(s.Alice, "other", true), ".github/workflows/ci.yml"), nil)
	s.Want(s.Do(http.MethodGet, s.Path("actions/runs", run.ID, "timing"), s.AliceToken, nil), http.StatusNotFound)
}

func TestUsageOfAWorkflowNamesTheSystemsOfTheMonth(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		ci := s.AddWorkflow(s.Repo, ".github/workflows/ci.yml")
		start(s, s.AddRun(ci, nil), "ubuntu-latest")
		start(s, s.AddRun(ci, nil), "windows-latest")
		start(s, s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/other.yml"), nil), "macos-latest")
		start(s, s.AddRun(ci, func(r *actions.Run) { r.CreatedAt = s.Now().AddDate(0, -1, -1) }), "macos-latest")

		got, _, err := s.GoGitHub(s.AliceToken).Actions.GetWorkflowUsageByFileName(s.Context(), "alice", "hello", "ci.yml")
		s.Must(err)
		want := github.WorkflowBillMap{"UBUNTU": {TotalMS: github.Ptr[int64](0)}, "WINDOWS": {TotalMS: github.Ptr[int64](0)}}
		if len(*got.GetBillable()) != len(want) {
			s.Errorf("got %v, want %v", *got.GetBillable(), want)
		}
		for system := range want {
			if b := (*got.GetBillable())[system]; b == nil || b.GetTotalMS() != 0 {
				s.Errorf("%s: %v", system, b)
			}
		}
	})
}
