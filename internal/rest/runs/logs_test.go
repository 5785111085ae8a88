package runs_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestLogsAreBehindARedirect(t *testing.T) {
	s := resttest.New(t)
	_, run := s.Pushed()
	jobs, err := s.Store.Jobs(t.Context(), run.ID, 1)
	s.Must(err)
	s.AddLog(jobs[1])
	ofRun, ofJob := s.Path("actions/runs", run.ID, "logs"), s.Path("actions/jobs", jobs[1].ID, "logs")
	for path, want := range map[string]string{
		ofRun: fmt.Sprintf("/_blobs/logs/run-logs of %d.1", run.ID),
		s.Path("actions/runs", run.ID, "attempts/1/logs"): fmt.Sprintf("/_blobs/logs/run-logs of %d.1", run.ID),
		ofJob: fmt.Sprintf("/_blobs/logs/job-logs of %d.1", jobs[1].ID),
	} {
		to, err := s.Want(s.Get(path), http.StatusFound).Location()
		s.Must(err)
		object, _, _ := strings.Cut(to.Query().Get("object"), "~")
		if got := to.Path + " of " + object; got != want || !strings.HasPrefix(to.String(), s.URL) {
			t.Errorf("%s leads to %s, want %s", path, to, want)
		}
	}
	s.Want(s.Get(s.Path("actions/runs", run.ID, "attempts/2/logs")), http.StatusNotFound)
	s.Refused(s.Do(http.MethodGet, ofRun, "", nil), http.StatusNotFound, "Not Found")
	s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"private": false}), http.StatusOK)
	s.Want(s.Do(http.MethodGet, s.Path("actions/runs", run.ID), "", nil), http.StatusOK)
	reader := s.Token(s.User("bob"))
	for _, path := range []string{ofRun, ofJob} {
		s.Refused(s.Do(http.MethodGet, path, "", nil), http.StatusForbidden, "Must have admin rights to Repository.")
		s.Want(s.Do(http.MethodGet, path, reader, nil), http.StatusFound)
	}
}

func TestLogsThatAreNotThereAreNotFound(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		run := s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), nil)
		skipped := s.AddJob(run, func(j *actions.Job) { j.Conclusion = actions.Skipped })
		running := s.AddJob(run, func(j *actions.Job) {
			resttest.Started(j)
			j.Status, j.Conclusion, j.CompletedAt = actions.InProgress, "", time.Time{}
		})
		for _, path := range []string{
			s.Path("actions/runs", run.ID, "logs"), s.Path("actions/runs", run.ID, "attempts/1/logs"),
			s.Path("actions/jobs", skipped.ID, "logs"), s.Path("actions/jobs", running.ID, "logs"),
		} {
			s.Refused(s.Get(path), http.StatusNotFound, "Not Found")
		}
		s.AddLog(running)
		s.Want(s.Get(s.Path("actions/runs", run.ID, "logs")), http.StatusFound)
		s.Want(s.Get(s.Path("actions/jobs", running.ID, "logs")), http.StatusFound)
		s.Want(s.Get(s.Path("actions/jobs", skipped.ID, "logs")), http.StatusNotFound)
	})
}

func TestLogsThatAreDeletedAreGone(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		run := s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), nil)
		j := s.AddJob(run, resttest.Started)
		s.AddLog(j)
		path := s.Path("actions/runs", run.ID, "logs")
		s.Want(s.Get(path), http.StatusFound)
		s.Want(s.Do(http.MethodDelete, path, s.AliceToken, nil), http.StatusNoContent)
		if parts, err := s.Store.JobLog(s.Context(), j.ID); err != nil || len(parts) != 0 {
			s.Errorf("left %v, %v", parts, err)
		}
		for _, path := range []string{path, s.Path("actions/runs", run.ID, "attempts/1/logs"), s.Path("actions/jobs", j.ID, "logs")} {
			s.Refused(s.Get(path), http.StatusGone, "The logs for this run have expired and are no longer available.")
		}
		s.Want(s.Do(http.MethodDelete, path, s.AliceToken, nil), http.StatusNotFound)
	})
}
