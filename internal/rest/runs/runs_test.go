package runs_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestAPushIsSeenWithItsWorkflowRunAndJobs(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		sha, run := s.Pushed()
		gh, ctx := s.GoGitHub(s.AliceToken), s.Context()

		workflows, _, err := gh.Actions.ListWorkflows(ctx, "alice", "hello", nil)
		s.Must(err)
		if workflows.GetTotalCount() != 1 || workflows.Workflows[0].GetPath() != ".github/workflows/hello.yml" {
			s.Errorf("workflows %v", workflows)
		}
		byName, _, err := gh.Actions.GetWorkflowByFileName(ctx, "alice", "hello", "hello.yml")
		s.Must(err)
		byID, _, err := gh.Actions.GetWorkflowByID(ctx, "alice", "hello", byName.GetID())
		s.Must(err)
		if d := cmp.Diff(byName, byID); d != "" || byID.GetName() != "Hello" || byID.GetState() != "active" {
			s.Errorf("workflow by name and by id: %s", d)
		}

		got, _, err := gh.Actions.GetWorkflowRunByID(ctx, "alice", "hello", run.ID)
		s.Must(err)
		if got.GetHeadSHA() != sha || got.GetEvent() != "push" || got.GetStatus() != "queued" || got.Conclusion != nil ||
			got.GetActor().GetLogin() != "alice" || got.GetRepository().GetFullName() != "alice/hello" || got.GetRunAttempt() != 1 {
			s.Errorf("run %v", got)
		}
		if want := s.URL + "/alice/hello/actions/runs/" + strconv.FormatInt(run.ID, 10); got.GetHTMLURL() != want {
			s.Errorf("html_url %s, want %s", got.GetHTMLURL(), want)
		}
		of, _, err := gh.Actions.ListWorkflowRunsByFileName(ctx, "alice", "hello", "hello.yml", nil)
		s.Must(err)
		if of.GetTotalCount() != 1 || of.WorkflowRuns[0].GetID() != run.ID {
			s.Errorf("runs %v", of)
		}
		attempt, _, err := gh.Actions.GetWorkflowRunAttempt(ctx, "alice", "hello", run.ID, 1, nil)
		s.Must(err)
		if attempt.GetRunAttempt() != 1 || !strings.HasSuffix(attempt.GetJobsURL(), "/attempts/1/jobs") {
			s.Errorf("attempt %v", attempt)
		}

		jobs, _, err := gh.Actions.ListWorkflowJobs(ctx, "alice", "hello", run.ID, nil)
		s.Must(err)
		var names []string
		for _, j := range jobs.Jobs {
			names = append(names, j.GetName())
		}
		if d := cmp.Diff([]string{"greet (1)", "greet (2)"}, names); d != "" || jobs.GetTotalCount() != 2 {
			s.Errorf("jobs: %s", d)
		}
		job, _, err := gh.Actions.GetWorkflowJobByID(ctx, "alice", "hello", jobs.Jobs[0].GetID())
		s.Must(err)
		if d := cmp.Diff(jobs.Jobs[0], job); d != "" || job.RunnerID != nil {
			s.Errorf("job in the list and alone: %s", d)
		}
		later, _, err := gh.Actions.ListWorkflowJobsAttempt(ctx, "alice", "hello", run.ID, 1, nil)
		s.Must(err)
		if d := cmp.Diff(jobs, later); d != "" {
			s.Errorf("jobs of the run and of its attempt: %s", d)
		}
		artifacts, _, err := gh.Actions.ListWorkflowRunArtifacts(ctx, "alice", "hello", run.ID, nil)
		if err != nil || artifacts.GetTotalCount() != 0 {
			s.Errorf("artifacts %v, %v", artifacts, err)
		}
		s.Want(s.Get(s.Path("actions/artifacts")), http.StatusOK)
	})
}

func TestRunsAreFiltered(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		ci, deploy := s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), s.AddWorkflow(s.Repo, ".github/workflows/deploy.yml")
		bob := s.User("bob")
		day := func(text string) time.Time {
			d, err := time.Parse(time.RFC3339, text)
			s.Must(err)
			return d
		}
		runs := map[string]*actions.Run{
			"old": s.AddRun(ci, func(r *actions.Run) { r.CreatedAt = day("2024-01-01T10:00:00Z") }),
			"failed": s.AddRun(ci, func(r *actions.Run) {
				r.CreatedAt, r.Conclusion, r.HeadBranch = day("2024-01-02T23:59:59.5Z"), actions.Failure, "feature/x"
			}),
			"bob": s.AddRun(ci, func(r *actions.Run) {
				r.CreatedAt, r.Actor, r.Event = day("2024-01-03T00:00:00Z"), *bob, "workflow_dispatch"
			}),
			"deploy": s.AddRun(deploy, func(r *actions.Run) {
				r.CreatedAt, r.Status, r.Conclusion, r.HeadSHA = day("2024-02-01T00:00:00Z"), actions.InProgress, "", strings.Repeat("ef", 20)
			}),
		}
		for query, want := range map[string]string{
			"":                                      "bob deploy failed old",
			"branch=feature/x":                      "failed",
			"event=workflow_dispatch":               "bob",
			"status=success":                        "bob old",
			"status=failure":                        "failed",
			"status=in_progress":                    "deploy",
			"status=completed":                      "bob failed old",
			"actor=BOB":                             "bob",
			"actor=nobody":                          "",
			"head_sha=" + strings.Repeat("ef", 20):  "deploy",
			"created=2024-01-02":                    "failed",
			"created=>=2024-01-03":                  "bob deploy",
			"created=>2024-01-03":                   "deploy",
			"created=<2024-01-02":                   "old",
			"created=<=2024-01-02":                  "failed old",
			"created=2024-01-02..2024-01-03":        "bob failed",
			"created=*..2024-01-01":                 "old",
			"created=2024-01-03..*":                 "bob deploy",
			"created=>2024-01-01T10:00:00Z":         "bob deploy failed",
			"created=2024-01-01T12:00:00%2B02:00":   "old",
			"event=push&branch=main&status=success": "old",
			"exclude_pull_requests=true":            "bob deploy failed old",
			"check_suite_id=" + strconv.FormatInt(runs["bob"].ID, 10): "bob",
		} {
			got := s.Want(s.Get(s.Path("actions/runs?"+strings.ReplaceAll(query, ">", "%3E"))), http.StatusOK).JSON(s)
			var names []string
			for _, r := range got["workflow_runs"].([]any) {
				for name, run := range runs {
					if r.(map[string]any)["id"] == float64(run.ID) {
						names = append(names, name)
					}
				}
			}
			slices.Sort(names)
			if strings.Join(names, " ") != want || got["total_count"] != float64(len(names)) {
				s.Errorf("%s: got %v of %v, want %s", query, names, got["total_count"], want)
			}
		}
		of := s.Want(s.Get(s.Path("actions/workflows", deploy.ID, "runs")), http.StatusOK).JSON(s)
		if of["total_count"] != 1.0 {
			s.Errorf("runs of deploy: %v", of["total_count"])
		}
		for _, query := range []string{"created=yesterday", "status=great", "check_suite_id=x", "created=2024-01-01..x", "created=>="} {
			s.Want(s.Get(s.Path("actions/runs?"+query)), http.StatusUnprocessableEntity)
		}
	})
}

func TestListsArePaged(t *testing.T) {
	s := resttest.New(t)
	wf := s.AddWorkflow(s.Repo, ".github/workflows/ci.yml")
	for range 65 {
		s.AddRun(wf, nil)
	}
	gh := s.GoGitHub(s.AliceToken)
	var ids []int64
	o := &github.ListWorkflowRunsOptions{Event: "push"}
	for {
		runs, res, err := gh.Actions.ListRepositoryWorkflowRuns(t.Context(), "alice", "hello", o)
		s.Must(err)
		if runs.GetTotalCount() != 65 {
			t.Fatalf("total %d", runs.GetTotalCount())
		}
		for _, r := range runs.WorkflowRuns {
			ids = append(ids, r.GetID())
		}
		if res.NextPage == 0 {
			break
		}
		o.Page = res.NextPage
	}
	if len(ids) != 65 || !slices.IsSortedFunc(ids, func(a, b int64) int { return int(b - a) }) || len(slices.Compact(ids)) != 65 {
		t.Errorf("%d runs: %v", len(ids), ids)
	}
	a := s.Want(s.Get(s.Path("actions/runs?per_page=20&page=2&event=push")), http.StatusOK)
	u := s.URL + "/api/v3/repos/alice/hello/actions/runs?event=push&page="
	want := fmt.Sprintf(`<%[1]s1&per_page=20>; rel="prev", <%[1]s3&per_page=20>; rel="next", <%[1]s4&per_page=20>; rel="last", <%[1]s1&per_page=20>; rel="first"`, u)
	if d := cmp.Diff(want, a.Header.Get("Link")); d != "" {
		t.Error(d)
	}
	// The second time it comes from memory.
	if d := cmp.Diff(want, s.Get(s.Path("actions/runs?per_page=20&page=2&event=push")).Header.Get("Link")); d != "" {
		t.Error(d)
	}
	if n := len(s.Get(s.Path("actions/runs?per_page=1000")).JSON(t)["workflow_runs"].([]any)); n != 65 {
		t.Errorf("per_page=1000 lists %d", n)
	}
	if n := len(s.Get(s.Path("actions/runs?page=9")).JSON(t)["workflow_runs"].([]any)); n != 0 {
		t.Errorf("page 9 lists %d", n)
	}
}

func TestARunIsCancelledRunAgainAndDeleted(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		_, run := s.Pushed()
		path := s.Path("actions/runs", run.ID)
		s.Refused(s.Do(http.MethodDelete, path, s.AliceToken, nil), http.StatusForbidden, "Could not delete the workflow run")
		s.Refused(s.Do(http.MethodPost, path+"/rerun", s.AliceToken, nil), http.StatusForbidden, "This workflow is already running")
		s.Want(s.Do(http.MethodDelete, path+"/logs", s.AliceToken, nil), http.StatusForbidden)

		s.Want(s.Do(http.MethodPost, path+"/cancel", s.AliceToken, nil), http.StatusAccepted)
		if got := s.Get(path).JSON(s)["conclusion"]; got != "cancelled" {
			s.Errorf("conclusion %v", got)
		}
		s.Refused(s.Do(http.MethodPost, path+"/cancel", s.AliceToken, nil), http.StatusConflict, "Cannot cancel a workflow run that is completed.")
		s.Refused(s.Do(http.MethodPost, path+"/force-cancel", s.AliceToken, nil), http.StatusConflict, "Cannot cancel a workflow run that is completed.")

		s.Want(s.Do(http.MethodPost, path+"/rerun", s.AliceToken, resttest.Fields{"enable_debug_logging": true}), http.StatusCreated)
		again := s.Get(path).JSON(s)
		if again["run_attempt"] != 2.0 || again["status"] != "queued" || !strings.HasSuffix(again["previous_attempt_url"].(string), "/attempts/1") {
			s.Errorf("second attempt %v", again)
		}
		first := s.Want(s.Get(path+"/attempts/1"), http.StatusOK).JSON(s)
		if first["conclusion"] != "cancelled" || first["previous_attempt_url"] != nil {
			s.Errorf("first attempt %v", first)
		}
		for query, want := range map[string]float64{"": 2, "?filter=latest": 2, "?filter=all": 4} {
			if got := s.Get(path + "/jobs" + query).JSON(s)["total_count"]; got != want {
				s.Errorf("jobs%s: %v, want %v", query, got, want)
			}
		}
		s.Want(s.Do(http.MethodPost, path+"/force-cancel", s.AliceToken, nil), http.StatusAccepted)
		s.Want(s.Do(http.MethodDelete, path, s.AliceToken, nil), http.StatusNoContent)
		s.Want(s.Get(path), http.StatusNotFound)
		s.Want(s.Get(path+"/attempts/3"), http.StatusNotFound)
		if got := s.Get(s.Path("actions/runs")).JSON(s)["total_count"]; got != 0.0 {
			s.Errorf("%v runs are left", got)
		}
	})
}
