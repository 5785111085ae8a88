package rest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v75/github"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// addRun inserts a run that is over, and lets the test change it before.
func (s *site) addRun(wf *actions.Workflow, change func(*actions.Run)) *actions.Run {
	s.Helper()
	now := time.Now()
	run := &actions.Run{
		RepoID: wf.RepoID, WorkflowID: wf.ID, Name: wf.Name, Title: "a title", Path: wf.Path, Event: "push", Ref: "refs/heads/main",
		HeadBranch: "main", HeadSHA: strings.Repeat("ab", 20), HeadCommit: actions.Commit{SHA: strings.Repeat("ab", 20), Tree: strings.Repeat("cd", 20)},
		Actor: *s.alice, Triggering: *s.alice, Attempt: 1, Status: actions.Completed, Conclusion: actions.Success,
		CreatedAt: now, StartedAt: now, UpdatedAt: now,
	}
	if change != nil {
		change(run)
	}
	at := &actions.Attempt{
		Number: 1, PlanID: uuid.NewString(), Triggering: run.Triggering, Status: run.Status, Conclusion: run.Conclusion,
		StartedAt: run.StartedAt, CompletedAt: run.UpdatedAt,
	}
	s.must(s.store.Update(s.Context(), func(tx *store.Tx) error {
		return tx.CreateRun(s.Context(), run, at, &actions.RunSource{Payload: []byte("{}"), Workflow: []byte("on: push")})
	}))
	return run
}

func (s *site) addWorkflow(repo *actions.Repository, path string) *actions.Workflow {
	s.Helper()
	wf := &actions.Workflow{RepoID: repo.ID, Path: path, Name: path, State: actions.Active, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	s.saveWorkflow(wf)
	return wf
}

func (s *site) saveWorkflow(wf *actions.Workflow) {
	s.Helper()
	s.must(s.store.Update(s.Context(), func(tx *store.Tx) error { return tx.SaveWorkflow(s.Context(), wf) }))
}

func (s *site) addJob(run *actions.Run, change func(*actions.Job)) *actions.Job {
	s.Helper()
	j := &actions.Job{
		RunID: run.ID, RepoID: run.RepoID, OwnerID: s.alice.ID, Attempt: 1, GUID: uuid.NewString(), Key: "build", Total: 1, Name: "build",
		Labels: []string{"self-hosted"}, Timeout: time.Hour, CancelTimeout: time.Minute, Status: actions.Completed, Conclusion: actions.Success,
		CreatedAt: time.Now(), CompletedAt: time.Now(),
	}
	if change != nil {
		change(j)
	}
	s.must(s.store.Update(s.Context(), func(tx *store.Tx) error { return tx.CreateJob(s.Context(), j) }))
	return j
}

func TestAPushIsSeenWithItsWorkflowRunAndJobs(t *testing.T) {
	each(t, func(s *site) {
		sha, run := s.pushed()
		gh, ctx := s.goGitHub(s.token), s.Context()

		workflows, _, err := gh.Actions.ListWorkflows(ctx, "alice", "hello", nil)
		s.must(err)
		if workflows.GetTotalCount() != 1 || workflows.Workflows[0].GetPath() != ".github/workflows/hello.yml" {
			s.Errorf("workflows %v", workflows)
		}
		byName, _, err := gh.Actions.GetWorkflowByFileName(ctx, "alice", "hello", "hello.yml")
		s.must(err)
		byID, _, err := gh.Actions.GetWorkflowByID(ctx, "alice", "hello", byName.GetID())
		s.must(err)
		if d := cmp.Diff(byName, byID); d != "" || byID.GetName() != "Hello" || byID.GetState() != "active" {
			s.Errorf("workflow by name and by id: %s", d)
		}

		got, _, err := gh.Actions.GetWorkflowRunByID(ctx, "alice", "hello", run.ID)
		s.must(err)
		if got.GetHeadSHA() != sha || got.GetEvent() != "push" || got.GetStatus() != "queued" || got.Conclusion != nil ||
			got.GetActor().GetLogin() != "alice" || got.GetRepository().GetFullName() != "alice/hello" || got.GetRunAttempt() != 1 {
			s.Errorf("run %v", got)
		}
		if want := s.url + "/alice/hello/actions/runs/" + strconv.FormatInt(run.ID, 10); got.GetHTMLURL() != want {
			s.Errorf("html_url %s, want %s", got.GetHTMLURL(), want)
		}
		of, _, err := gh.Actions.ListWorkflowRunsByFileName(ctx, "alice", "hello", "hello.yml", nil)
		s.must(err)
		if of.GetTotalCount() != 1 || of.WorkflowRuns[0].GetID() != run.ID {
			s.Errorf("runs %v", of)
		}
		attempt, _, err := gh.Actions.GetWorkflowRunAttempt(ctx, "alice", "hello", run.ID, 1, nil)
		s.must(err)
		if attempt.GetRunAttempt() != 1 || !strings.HasSuffix(attempt.GetJobsURL(), "/attempts/1/jobs") {
			s.Errorf("attempt %v", attempt)
		}

		jobs, _, err := gh.Actions.ListWorkflowJobs(ctx, "alice", "hello", run.ID, nil)
		s.must(err)
		var names []string
		for _, j := range jobs.Jobs {
			names = append(names, j.GetName())
		}
		if d := cmp.Diff([]string{"greet (1)", "greet (2)"}, names); d != "" || jobs.GetTotalCount() != 2 {
			s.Errorf("jobs: %s", d)
		}
		job, _, err := gh.Actions.GetWorkflowJobByID(ctx, "alice", "hello", jobs.Jobs[0].GetID())
		s.must(err)
		if d := cmp.Diff(jobs.Jobs[0], job); d != "" || job.RunnerID != nil {
			s.Errorf("job in the list and alone: %s", d)
		}
		later, _, err := gh.Actions.ListWorkflowJobsAttempt(ctx, "alice", "hello", run.ID, 1, nil)
		s.must(err)
		if d := cmp.Diff(jobs, later); d != "" {
			s.Errorf("jobs of the run and of its attempt: %s", d)
		}
		artifacts, _, err := gh.Actions.ListWorkflowRunArtifacts(ctx, "alice", "hello", run.ID, nil)
		if err != nil || artifacts.GetTotalCount() != 0 {
			s.Errorf("artifacts %v, %v", artifacts, err)
		}
		s.want(s.get(s.path("actions/artifacts")), http.StatusOK)
	})
}

func TestStepsAndRunnersOfAJobAreShown(t *testing.T) {
	s := newSite(t)
	_, run := s.pushed()
	jobs, err := s.store.Jobs(t.Context(), run.ID, 1)
	s.must(err)
	j, now := jobs[0], time.Now()
	s.must(s.store.Update(t.Context(), func(tx *store.Tx) error {
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
	got, _, err := s.goGitHub(s.token).Actions.GetWorkflowJobByID(t.Context(), "alice", "hello", j.ID)
	s.must(err)
	if got.GetRunnerName() != "box" || got.GetRunnerGroupName() != "Default" || len(got.Steps) != 3 {
		t.Errorf("job %v", got)
	}
	if got.Steps[0].GetConclusion() != "success" || got.Steps[1].Conclusion != nil || got.Steps[2].GetStatus() != "queued" {
		t.Errorf("steps %v", got.Steps)
	}
}

func TestRunsAreFiltered(t *testing.T) {
	each(t, func(s *site) {
		ci, deploy := s.addWorkflow(s.repo, ".github/workflows/ci.yml"), s.addWorkflow(s.repo, ".github/workflows/deploy.yml")
		bob := s.account("bob", nil)
		day := func(text string) time.Time {
			d, err := time.Parse(time.RFC3339, text)
			s.must(err)
			return d
		}
		runs := map[string]*actions.Run{
			"old": s.addRun(ci, func(r *actions.Run) { r.CreatedAt = day("2024-01-01T10:00:00Z") }),
			"failed": s.addRun(ci, func(r *actions.Run) {
				r.CreatedAt, r.Conclusion, r.HeadBranch = day("2024-01-02T23:59:59.5Z"), actions.Failure, "feature/x"
			}),
			"bob": s.addRun(ci, func(r *actions.Run) {
				r.CreatedAt, r.Actor, r.Event = day("2024-01-03T00:00:00Z"), *bob, "workflow_dispatch"
			}),
			"deploy": s.addRun(deploy, func(r *actions.Run) {
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
			got := s.want(s.get(s.path("actions/runs?"+strings.ReplaceAll(query, ">", "%3E"))), http.StatusOK).json(s)
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
		of := s.want(s.get(s.path("actions/workflows", deploy.ID, "runs")), http.StatusOK).json(s)
		if of["total_count"] != 1.0 {
			s.Errorf("runs of deploy: %v", of["total_count"])
		}
		for _, query := range []string{"created=yesterday", "status=great", "check_suite_id=x", "created=2024-01-01..x", "created=>="} {
			s.want(s.get(s.path("actions/runs?"+query)), http.StatusUnprocessableEntity)
		}
	})
}

func TestListsArePaged(t *testing.T) {
	s := newSite(t)
	wf := s.addWorkflow(s.repo, ".github/workflows/ci.yml")
	for range 65 {
		s.addRun(wf, nil)
	}
	gh := s.goGitHub(s.token)
	var ids []int64
	o := &github.ListWorkflowRunsOptions{Event: "push"}
	for {
		runs, res, err := gh.Actions.ListRepositoryWorkflowRuns(t.Context(), "alice", "hello", o)
		s.must(err)
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
	a := s.want(s.get(s.path("actions/runs?per_page=20&page=2&event=push")), http.StatusOK)
	u := s.url + "/api/v3/repos/alice/hello/actions/runs?event=push&page="
	want := fmt.Sprintf(`<%[1]s1&per_page=20>; rel="prev", <%[1]s3&per_page=20>; rel="next", <%[1]s4&per_page=20>; rel="last", <%[1]s1&per_page=20>; rel="first"`, u)
	if d := cmp.Diff(want, a.Header.Get("Link")); d != "" {
		t.Error(d)
	}
	// The second time it comes from memory.
	if d := cmp.Diff(want, s.get(s.path("actions/runs?per_page=20&page=2&event=push")).Header.Get("Link")); d != "" {
		t.Error(d)
	}
	if n := len(s.get(s.path("actions/runs?per_page=1000")).json(t)["workflow_runs"].([]any)); n != 65 {
		t.Errorf("per_page=1000 lists %d", n)
	}
	if n := len(s.get(s.path("actions/runs?page=9")).json(t)["workflow_runs"].([]any)); n != 0 {
		t.Errorf("page 9 lists %d", n)
	}
}

func TestARunIsCancelledRunAgainAndDeleted(t *testing.T) {
	each(t, func(s *site) {
		_, run := s.pushed()
		path := s.path("actions/runs", run.ID)
		s.refused(s.do(http.MethodDelete, path, s.token, nil), http.StatusForbidden, "Could not delete the workflow run")
		s.refused(s.do(http.MethodPost, path+"/rerun", s.token, nil), http.StatusForbidden, "This workflow is already running")
		s.want(s.do(http.MethodDelete, path+"/logs", s.token, nil), http.StatusForbidden)

		s.want(s.do(http.MethodPost, path+"/cancel", s.token, nil), http.StatusAccepted)
		if got := s.get(path).json(s)["conclusion"]; got != "cancelled" {
			s.Errorf("conclusion %v", got)
		}
		s.refused(s.do(http.MethodPost, path+"/cancel", s.token, nil), http.StatusConflict, "Cannot cancel a workflow run that is completed.")
		s.refused(s.do(http.MethodPost, path+"/force-cancel", s.token, nil), http.StatusConflict, "Cannot cancel a workflow run that is completed.")

		s.want(s.do(http.MethodPost, path+"/rerun", s.token, fields{"enable_debug_logging": true}), http.StatusCreated)
		again := s.get(path).json(s)
		if again["run_attempt"] != 2.0 || again["status"] != "queued" || !strings.HasSuffix(again["previous_attempt_url"].(string), "/attempts/1") {
			s.Errorf("second attempt %v", again)
		}
		first := s.want(s.get(path+"/attempts/1"), http.StatusOK).json(s)
		if first["conclusion"] != "cancelled" || first["previous_attempt_url"] != nil {
			s.Errorf("first attempt %v", first)
		}
		for query, want := range map[string]float64{"": 2, "?filter=latest": 2, "?filter=all": 4} {
			if got := s.get(path + "/jobs" + query).json(s)["total_count"]; got != want {
				s.Errorf("jobs%s: %v, want %v", query, got, want)
			}
		}
		s.want(s.do(http.MethodPost, path+"/force-cancel", s.token, nil), http.StatusAccepted)
		s.want(s.do(http.MethodDelete, path, s.token, nil), http.StatusNoContent)
		s.want(s.get(path), http.StatusNotFound)
		s.want(s.get(path+"/attempts/3"), http.StatusNotFound)
		if got := s.get(s.path("actions/runs")).json(s)["total_count"]; got != 0.0 {
			s.Errorf("%v runs are left", got)
		}
	})
}

func TestURLsKeepTheHostOfEachRequest(t *testing.T) {
	s := newSite(t)
	_, run := s.pushed()
	for range 2 { // the second time from memory
		for _, host := range []string{"a.test:3000", "b.test"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v3"+s.path("actions/runs", run.ID), nil)
			s.must(err)
			r.Host = host
			r.Header.Set("Authorization", "Bearer "+s.token)
			res, err := http.DefaultClient.Do(r)
			s.must(err)
			text := readAll(t, res)
			if !strings.Contains(text, `"url":"http://`+host+"/api/v3/repos/alice/hello/actions/runs/") || strings.Contains(text, "127.0.0.1") {
				t.Errorf("%s: %s", host, text)
			}
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v3/", nil)
	s.must(err)
	r.Host = `evil"host`
	if res, err := http.DefaultClient.Do(r); err == nil {
		if text := readAll(t, res); res.StatusCode != http.StatusBadRequest {
			t.Errorf("host with a quote: %d %s", res.StatusCode, text)
		}
	}
}

func TestNamesWithOddCharactersAreEscapedInURLs(t *testing.T) {
	s := newSite(t)
	wf := s.addWorkflow(s.repo, ".github/workflows/a b#.yml")
	got := s.want(s.get(s.path("actions/workflows", url.PathEscape("a b#.yml"))), http.StatusOK).json(t)
	if got["id"] != float64(wf.ID) || !strings.HasSuffix(got["html_url"].(string), "/blob/main/.github/workflows/a%20b%23.yml") {
		t.Errorf("got %v", got)
	}
}
