package checks_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

const onChecks = "name: C\non: {check_run: {}, check_suite: {types: [completed]}}\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"

// events are the events of the runs of the repository, with their activity types, oldest
// first.
func events(s *resttest.Site) []string {
	s.Helper()
	runs, _, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: s.Repo.ID}, store.Page{Number: 1, Size: 50})
	s.Must(err)
	var list []string
	for _, run := range slices.Backward(runs) {
		src, err := s.Store.RunSource(s.Context(), run.ID)
		s.Must(err)
		action := ""
		for _, a := range []string{"created", "completed", "rerequested", "requested_action"} {
			if strings.Contains(string(src.Payload), `"action":"`+a+`"`) {
				action = a
			}
		}
		list = append(list, run.Event+" "+action)
	}
	return list
}

func TestAToolReportsByACheckRun(t *testing.T) { // TRG-9
	resttest.Each(t, func(s *resttest.Site) {
		sha := s.Push(s.Repo, "main", map[string]string{".github/workflows/c.yml": onChecks})
		checks := s.GoGitHub(s.AliceToken).Checks
		made, _, err := checks.CreateCheckRun(s.Context(), "alice", "hello", github.CreateCheckRunOptions{
			Name: "scan", HeadSHA: sha, Status: new("in_progress"), DetailsURL: new("https://scan.example/1"), ExternalID: new("17"),
			Output: &github.CheckRunOutput{Title: new("Scan"), Summary: new("so far"), Annotations: []*github.CheckRunAnnotation{{
				Path: new("a.go"), StartLine: new(3), EndLine: new(3), AnnotationLevel: new("warning"), Message: new("odd"), RawDetails: new("raw"),
			}}},
			Actions: []*github.CheckRunAction{{Label: "Fix", Description: "Fix it", Identifier: "fix"}},
		})
		s.Must(err)
		if made.GetStatus() != "in_progress" || made.GetConclusion() != "" || made.GetOutput().GetAnnotationsCount() != 1 || made.GetDetailsURL() != "https://scan.example/1" || made.GetApp().GetSlug() != "alice" {
			s.Errorf("made %v", made)
		}
		id := made.GetID()
		list, _, err := checks.ListCheckRunsForRef(s.Context(), "alice", "hello", "main", &github.ListCheckRunsOptions{CheckName: new("scan")})
		s.Must(err)
		if list.GetTotal() != 1 || list.CheckRuns[0].GetID() != id {
			s.Errorf("check runs of main: %v", list)
		}
		updated, _, err := checks.UpdateCheckRun(s.Context(), "alice", "hello", id, github.UpdateCheckRunOptions{Name: "scan", Conclusion: new("neutral"), Output: &github.CheckRunOutput{
			Summary: new("done"), Annotations: []*github.CheckRunAnnotation{{
				Path: new("b.go"), StartLine: new(1), EndLine: new(2), AnnotationLevel: new("failure"), Message: new("bad"),
			}},
		}})
		s.Must(err)
		if updated.GetStatus() != "completed" || updated.GetConclusion() != "neutral" || updated.CompletedAt == nil || updated.GetOutput().GetAnnotationsCount() != 2 || updated.GetOutput().GetTitle() != "Scan" {
			s.Errorf("updated %v", updated)
		}
		notes, _, err := checks.ListCheckRunAnnotations(s.Context(), "alice", "hello", id, nil)
		s.Must(err)
		if len(notes) != 2 || notes[0].GetMessage() != "odd" || notes[0].GetRawDetails() != "raw" || notes[1].GetPath() != "b.go" {
			s.Errorf("annotations %v", notes)
		}
		suite, _, err := checks.GetCheckSuite(s.Context(), "alice", "hello", made.GetCheckSuite().GetID())
		s.Must(err)
		if suite.GetStatus() != "completed" || suite.GetConclusion() != "neutral" || suite.GetHeadBranch() != "main" || suite.GetHeadSHA() != sha {
			s.Errorf("suite %v", suite)
		}
		if _, err := checks.ReRequestCheckRun(s.Context(), "alice", "hello", id); err != nil {
			s.Error(err)
		}
		suites, _, err := checks.ListCheckSuitesForRef(s.Context(), "alice", "hello", "main", &github.ListCheckSuiteOptions{CheckName: new("scan")})
		s.Must(err)
		if suites.GetTotal() != 1 || suites.CheckSuites[0].GetStatus() != "queued" {
			s.Errorf("suites of main: %v", suites)
		}
		want := "check_run created, check_run completed, check_suite completed, check_run rerequested"
		if got := strings.Join(events(s), ", "); got != want {
			s.Errorf("runs of %s; want %s", got, want)
		}
	})
}

func TestWhatAJobReportsStartsNothing(t *testing.T) { // TRG-9
	s := resttest.New(t)
	sha := s.Push(s.Repo, "main", map[string]string{".github/workflows/c.yml": onChecks})
	bot, err := s.Store.AccountByLogin(s.Context(), actions.JobBot)
	s.Must(err)
	token := s.TokenAs(&actions.Token{AccountID: bot.ID, Kind: actions.JobToken, RepoID: s.Repo.ID, JobID: 77, Access: map[string]string{"checks": "write"}})
	a := s.Want(s.Do(http.MethodPost, s.Path("check-runs"), token, resttest.Fields{"name": "lint", "head_sha": sha, "conclusion": "success"}), http.StatusCreated).JSON(s)
	if app := a["app"].(map[string]any); app["slug"] != "github-actions" || a["status"] != "completed" {
		t.Errorf("check run %v", a)
	}
	if got := events(s); len(got) != 0 {
		t.Errorf("runs of %v, want none", got)
	}
	for query, want := range map[string]float64{"?app_id=15368": 1, "?app_id=1": 0, "": 1} {
		if got := s.Want(s.Get(s.Path("commits/main/check-runs"+query)), http.StatusOK).JSON(s)["total_count"]; got != want {
			t.Errorf("%s: %v check runs, want %v", query, got, want)
		}
	}
	s.Want(s.Do(http.MethodPost, s.Path("check-runs"), s.JobToken(s.Repo, map[string]string{"checks": "read"}), resttest.Fields{"name": "lint", "head_sha": sha}), http.StatusForbidden)
	s.Want(s.Do(http.MethodPatch, s.Path("check-runs", int64(a["id"].(float64))), s.AliceToken, resttest.Fields{"name": "mine"}), http.StatusForbidden)
}

func TestReportsThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	sha, run := s.Pushed()
	note := resttest.Fields{"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
	with := func(name string, value any) resttest.Fields {
		all := resttest.Fields{}
		maps.Copy(all, note)
		all[name] = value
		return all
	}
	output := func(more resttest.Fields) resttest.Fields {
		all := resttest.Fields{"title": "t", "summary": "s"}
		maps.Copy(all, more)
		return resttest.Fields{"output": all}
	}
	notes := func(n int, one resttest.Fields) resttest.Fields {
		list := make([]any, n)
		for i := range list {
			list[i] = one
		}
		return output(resttest.Fields{"annotations": list})
	}
	button := resttest.Fields{"label": "l", "description": "d", "identifier": "i"}
	for _, c := range []struct {
		what string
		body resttest.Fields
	}{
		{"no name", resttest.Fields{"name": ""}},
		{"no commit", resttest.Fields{"head_sha": strings.Repeat("0", 40)}},
		{"a branch", resttest.Fields{"head_sha": "main"}},
		{"a long name", resttest.Fields{"name": strings.Repeat("x", 256)}},
		{"a status of jobs", resttest.Fields{"status": "waiting"}},
		{"completed without a conclusion", resttest.Fields{"status": "completed"}},
		{"completed_at without a conclusion", resttest.Fields{"completed_at": s.Now().Format(time.RFC3339)}},
		{"stale", resttest.Fields{"conclusion": "stale"}},
		{"a conclusion that there is not", resttest.Fields{"conclusion": "great"}},
		{"a script as URL", resttest.Fields{"details_url": "javascript:alert(1)"}},
		{"no summary", resttest.Fields{"output": resttest.Fields{"title": "t"}}},
		{"a long summary", output(resttest.Fields{"summary": strings.Repeat("x", 65536)})},
		{"images", output(resttest.Fields{"images": []any{resttest.Fields{"alt": "a", "image_url": "https://x.example/a.png"}}})},
		{"51 annotations", notes(51, note)},
		{"columns of two lines", notes(1, resttest.Fields{"path": "a", "start_line": 1, "end_line": 2, "start_column": 1, "annotation_level": "notice", "message": "m"})},
		{"a line before the first", notes(1, with("start_line", 0))},
		{"a level that there is not", notes(1, with("annotation_level", "fatal"))},
		{"a long message", notes(1, with("message", strings.Repeat("x", 64<<10+1)))},
		{"four actions", resttest.Fields{"actions": []any{button, button, button, button}}},
		{"a long label", resttest.Fields{"actions": []any{resttest.Fields{"label": strings.Repeat("x", 21), "description": "d", "identifier": "i"}}}},
	} {
		body := resttest.Fields{"name": "scan", "head_sha": sha}
		maps.Copy(body, c.body)
		if a := s.Do(http.MethodPost, s.Path("check-runs"), s.AliceToken, body); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s %s", c.what, a.Status, a.Text)
		}
	}
	jobs, err := s.Store.Jobs(s.Context(), run.ID, 1)
	s.Must(err)
	s.Want(s.Do(http.MethodPatch, s.Path("check-runs", jobs[0].ID), s.AliceToken, resttest.Fields{"conclusion": "success"}), http.StatusForbidden)
	s.Want(s.Do(http.MethodPost, s.Path("check-runs", jobs[0].ID, "rerequest"), s.AliceToken, nil), http.StatusUnprocessableEntity)
	s.Want(s.Do(http.MethodPatch, s.Path("check-runs", int64(actions.ToolChecks+99)), s.AliceToken, resttest.Fields{"conclusion": "success"}), http.StatusNotFound)
}

func TestTheNewestCheckRunOfANameCounts(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		sha, _ := s.Pushed()
		for _, c := range []string{"failure", "success"} {
			s.Want(s.Do(http.MethodPost, s.Path("check-runs"), s.AliceToken, resttest.Fields{"name": "scan", "head_sha": sha, "conclusion": c}), http.StatusCreated)
		}
		for query, want := range map[string]float64{"": 3, "?filter=all": 4, "?check_name=scan": 1, "?per_page=2&page=2": 3, "?per_page=1&page=3": 3, "?status=completed": 1} {
			if got := s.Want(s.Get(s.Path("commits", sha, "check-runs"+query)), http.StatusOK).JSON(s)["total_count"]; got != want {
				s.Errorf("%s: %v check runs, want %v", query, got, want)
			}
		}
		seen := map[any]bool{}
		for _, page := range []string{"1", "2", "3"} {
			for _, c := range s.Get(s.Path("commits", sha, "check-runs?per_page=1&page="+page)).JSON(s)["check_runs"].([]any) {
				seen[c.(map[string]any)["name"]] = true
			}
		}
		if len(seen) != 3 {
			s.Errorf("pages have %v", seen)
		}
	})
}
