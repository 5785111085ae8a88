package rest_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// started makes a job one that a runner has taken.
func started(j *actions.Job) { j.StartedAt = j.CreatedAt }

// log gives a job a log.
func (s *site) log(j *actions.Job) {
	s.Helper()
	s.must(s.store.Update(s.Context(), func(tx *store.Tx) error {
		started(j)
		if err := tx.UpdateJob(s.Context(), j); err != nil {
			return err
		}
		return tx.SaveLogPart(s.Context(), &store.LogPart{JobID: j.ID, Step: uuid.NewString(), Part: 1, Blob: uuid.NewString(), Size: 1, Lines: 1, CreatedAt: time.Now()})
	}))
}

func TestLogsAreBehindARedirect(t *testing.T) {
	s := newSite(t)
	_, run := s.pushed()
	jobs, err := s.store.Jobs(t.Context(), run.ID, 1)
	s.must(err)
	s.log(jobs[1])
	id, ofRun, ofJob := strconv.FormatInt(run.ID, 10), s.path("actions/runs", run.ID, "logs"), s.path("actions/jobs", jobs[1].ID, "logs")
	for path, want := range map[string]string{
		ofRun: "/_blobs/logs/" + id + "/1",
		s.path("actions/runs", run.ID, "attempts/1/logs"): "/_blobs/logs/" + id + "/1",
		ofJob: "/_blobs/joblogs/" + strconv.FormatInt(jobs[1].ID, 10),
	} {
		if got := s.want(s.get(path), http.StatusFound).Header.Get("Location"); got != s.url+want {
			t.Errorf("%s leads to %s, want %s", path, got, want)
		}
	}
	s.want(s.get(s.path("actions/runs", run.ID, "attempts/2/logs")), http.StatusNotFound)
	s.refused(s.do(http.MethodGet, ofRun, "", nil), http.StatusNotFound, "Not Found")
	s.want(s.do(http.MethodPatch, s.path(), s.token, fields{"private": false}), http.StatusOK)
	s.want(s.do(http.MethodGet, s.path("actions/runs", run.ID), "", nil), http.StatusOK)
	reader := s.newToken(s.account("bob", nil))
	for _, path := range []string{ofRun, ofJob} {
		s.refused(s.do(http.MethodGet, path, "", nil), http.StatusForbidden, "Must have admin rights to Repository.")
		s.want(s.do(http.MethodGet, path, reader, nil), http.StatusFound)
	}
}

func TestLogsThatAreNotThereAreNotFound(t *testing.T) {
	each(t, func(s *site) {
		run := s.addRun(s.addWorkflow(s.repo, ".github/workflows/ci.yml"), nil)
		skipped := s.addJob(run, func(j *actions.Job) { j.Conclusion = actions.Skipped })
		running := s.addJob(run, func(j *actions.Job) {
			started(j)
			j.Status, j.Conclusion, j.CompletedAt = actions.InProgress, "", time.Time{}
		})
		for _, path := range []string{
			s.path("actions/runs", run.ID, "logs"), s.path("actions/runs", run.ID, "attempts/1/logs"),
			s.path("actions/jobs", skipped.ID, "logs"), s.path("actions/jobs", running.ID, "logs"),
		} {
			s.refused(s.get(path), http.StatusNotFound, "Not Found")
		}
		s.log(running)
		s.want(s.get(s.path("actions/runs", run.ID, "logs")), http.StatusFound)
		s.want(s.get(s.path("actions/jobs", running.ID, "logs")), http.StatusFound)
		s.want(s.get(s.path("actions/jobs", skipped.ID, "logs")), http.StatusNotFound)
	})
}

func TestLogsThatAreDeletedAreGone(t *testing.T) {
	each(t, func(s *site) {
		run := s.addRun(s.addWorkflow(s.repo, ".github/workflows/ci.yml"), nil)
		j := s.addJob(run, started)
		s.log(j)
		path := s.path("actions/runs", run.ID, "logs")
		s.want(s.get(path), http.StatusFound)
		s.want(s.do(http.MethodDelete, path, s.token, nil), http.StatusNoContent)
		if parts, err := s.store.JobLog(s.Context(), j.ID); err != nil || len(parts) != 0 {
			s.Errorf("left %v, %v", parts, err)
		}
		for _, path := range []string{path, s.path("actions/runs", run.ID, "attempts/1/logs"), s.path("actions/jobs", j.ID, "logs")} {
			s.refused(s.get(path), http.StatusGone, "The logs for this run have expired and are no longer available.")
		}
		s.want(s.do(http.MethodDelete, path, s.token, nil), http.StatusNotFound)
	})
}
