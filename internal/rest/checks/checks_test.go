package checks_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

const brokenWorkflow = `name: Broken
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    stepz:
      - run: true
`

func TestABrokenWorkflowShowsWhereItIsWrong(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		sha := s.Push(s.Repo, "main", map[string]string{".github/workflows/broken.yml": brokenWorkflow})
		runs := s.Get(s.Path("actions/runs")).JSON(s)["workflow_runs"].([]any)
		if len(runs) != 1 {
			s.Fatalf("%d runs, want 1", len(runs))
		}
		run := runs[0].(map[string]any)
		if run["conclusion"] != "failure" {
			s.Errorf("conclusion %v", run["conclusion"])
		}
		jobs := s.Want(s.Do(http.MethodGet, run["jobs_url"].(string), s.AliceToken, nil), http.StatusOK).JSON(s)
		if d := cmp.Diff(map[string]any{"total_count": 0.0, "jobs": []any{}}, jobs); d != "" {
			s.Errorf("jobs: %s", d)
		}
		list, _, err := s.GoGitHub(s.AliceToken).Checks.ListCheckRunsForRef(s.Context(), "alice", "hello", "main", nil)
		s.Must(err)
		if list.GetTotal() != 1 || list.CheckRuns[0].GetHeadSHA() != sha || list.CheckRuns[0].GetOutput().GetAnnotationsCount() == 0 {
			s.Fatalf("check runs %v", list)
		}
		notes, _, err := s.GoGitHub(s.AliceToken).Checks.ListCheckRunAnnotations(s.Context(), "alice", "hello", list.CheckRuns[0].GetID(), nil)
		s.Must(err)
		found := false
		for _, n := range notes {
			found = found || n.GetPath() == ".github/workflows/broken.yml" && n.GetStartLine() == 6 && n.GetAnnotationLevel() == "failure"
		}
		if !found {
			s.Errorf("no annotation for line 6: %v", notes)
		}
		s.Want(s.Get(s.Path("actions/jobs", list.CheckRuns[0].GetID())), http.StatusNotFound)
	})
}

func TestWhatAnEventIgnoresIsAWarningOfTheCheckRun(t *testing.T) { // TRG-13
	resttest.Each(t, func(s *resttest.Site) {
		s.Push(s.Repo, "main", map[string]string{".github/workflows/release.yml": `
on:
  push:
  release: {tags: ['v*']}
jobs: {build: {runs-on: x, steps: [{run: 'true'}]}}
`})
		list, _, err := s.GoGitHub(s.AliceToken).Checks.ListCheckRunsForRef(s.Context(), "alice", "hello", "main", nil)
		s.Must(err)
		if list.GetTotal() != 1 || list.CheckRuns[0].GetStatus() != "queued" || list.CheckRuns[0].GetOutput().GetAnnotationsCount() != 1 {
			s.Fatalf("check runs %v", list)
		}
		notes, _, err := s.GoGitHub(s.AliceToken).Checks.ListCheckRunAnnotations(s.Context(), "alice", "hello", list.CheckRuns[0].GetID(), nil)
		s.Must(err)
		if len(notes) != 1 || notes[0].GetPath() != ".github/workflows/release.yml" || notes[0].GetStartLine() != 4 ||
			notes[0].GetAnnotationLevel() != "warning" || !strings.Contains(notes[0].GetMessage(), "'tags' is ignored") {
			s.Errorf("annotations %v", notes)
		}
	})
}

func TestJobsAreCheckRunsOfTheirCommit(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		sha, run := s.Pushed()
		jobs, err := s.Store.Jobs(s.Context(), run.ID, 1)
		s.Must(err)
		check := s.Want(s.Get(s.Path("check-runs", jobs[0].ID)), http.StatusOK).JSON(s)
		if check["name"] != "greet (1)" || check["head_sha"] != sha || check["external_id"] != jobs[0].GUID || check["status"] != "queued" {
			s.Errorf("check run %v", check)
		}
		for query, want := range map[string]float64{
			"": 2, "?status=queued": 2, "?status=completed": 0, "?check_name=greet%20(2)": 1, "?per_page=1": 2, "?filter=all": 2, "?app_id=15368": 2, "?app_id=1": 0,
		} {
			for _, path := range []string{s.Path("commits", sha, "check-runs"), s.Path("commits/main/check-runs"), s.Path("check-suites", run.ID, "check-runs")} {
				if got := s.Want(s.Get(path+query), http.StatusOK).JSON(s)["total_count"]; got != want {
					s.Errorf("%s%s: %v, want %v", path, query, got, want)
				}
			}
		}
		s.Want(s.Get(s.Path("commits/main/check-runs?status=great")), http.StatusUnprocessableEntity)
		s.Want(s.Get(s.Path("commits/none/check-runs")), http.StatusUnprocessableEntity)
		suite := s.Want(s.Get(s.Path("check-suites", run.ID)), http.StatusOK).JSON(s)
		if suite["latest_check_runs_count"] != 2.0 || suite["head_sha"] != sha {
			s.Errorf("suite %v", suite)
		}
		whole := s.Get(s.Path()).JSON(s)
		for _, of := range []any{suite["repository"], s.Get(s.Path("commits/main/check-suites")).JSON(s)["check_suites"].([]any)[0].(map[string]any)["repository"]} {
			for name, value := range of.(map[string]any) {
				if d := cmp.Diff(whole[name], value); d != "" {
					s.Errorf("the suite's repository: %s: %s", name, d)
				}
			}
		}
		if got := suite["repository"].(map[string]any)["clone_url"]; got != s.URL+"/alice/hello.git" {
			s.Errorf("the suite's repository is cloned from %v", got)
		}
		if got := s.Get(s.Path("actions/runs", run.ID)).JSON(s)["check_suite_url"]; got != suite["url"] {
			s.Errorf("the run's suite is %v, want %v", got, suite["url"])
		}
	})
}

func TestAnnotationsArePaged(t *testing.T) {
	s := resttest.New(t)
	run := s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), nil)
	j := s.AddJob(run, nil)
	annotate(s, j, &actions.Annotation{Path: "a b.go", StartLine: 3, EndLine: 4, StartColumn: 5, EndColumn: 6, Level: actions.LevelWarning, Title: "t", Message: "m"})
	annotate(s, j, &actions.Annotation{Path: ".github", StartLine: 1, EndLine: 1, Level: actions.LevelFailure, Message: "<script>"})
	a := s.Want(s.Get(s.Path("check-runs", j.ID, "annotations?per_page=1")), http.StatusOK)
	for _, want := range []string{`"path":"a b.go"`, `"start_column":5`, `"annotation_level":"warning"`, "/blob/" + run.HeadSHA + "/a%20b.go"} {
		if !strings.Contains(string(a.Text), want) {
			t.Errorf("no %s in %s", want, a.Text)
		}
	}
	if !strings.Contains(a.Header.Get("Link"), `rel="next"`) {
		t.Errorf("link %q", a.Header.Get("Link"))
	}
	a = s.Want(s.Get(s.Path("check-runs", j.ID, "annotations?per_page=1&page=2")), http.StatusOK)
	if !strings.Contains(string(a.Text), `"start_column":null`) {
		t.Errorf("got %s", a.Text)
	}
}

func annotate(s *resttest.Site, j *actions.Job, n *actions.Annotation) {
	s.Helper()
	n.JobID = j.ID
	s.Must(s.Store.CreateAnnotation(s.Context(), n))
}

func TestCheckSuitesOfACommitAreListed(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		sha, run := s.Pushed()
		for query, want := range map[string]int{"": 1, "?app_id=15368": 1, "?app_id=1": 0, "?check_name=greet%20(1)": 1, "?check_name=none": 0} {
			for _, ref := range []string{sha, "main"} {
				list := s.Want(s.Get(s.Path("commits/"+ref+"/check-suites"+query)), http.StatusOK).JSON(s)
				suites := list["check_suites"].([]any)
				if len(suites) != want || list["total_count"] != float64(want) {
					s.Errorf("%s: %v", query, list)
				}
				if want > 0 && suites[0].(map[string]any)["id"] != float64(run.ID) {
					s.Errorf("%s: suite %v, want %d", query, suites[0], run.ID)
				}
			}
		}
		s.Want(s.Get(s.Path("commits/none/check-suites")), http.StatusUnprocessableEntity)
	})
}
