package rest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestARememberedAnswerIsNeverOld(t *testing.T) {
	each(t, func(s *site) {
		_, run := s.pushed()
		jobs, err := s.store.Jobs(s.Context(), run.ID, 1)
		s.must(err)
		paths := []string{
			s.path("actions/runs"), s.path("actions/runs", run.ID), s.path("actions/runs", run.ID, "jobs"),
			s.path("actions/runs", run.ID, "attempts/1"), s.path("actions/jobs", jobs[0].ID), s.path("actions/workflows"),
		}
		read := func() (texts []string) {
			for _, path := range paths {
				texts = append(texts, string(s.want(s.get(path), http.StatusOK).text))
			}
			return texts
		}
		before := read()
		again := read()
		s.must(s.store.Update(s.Context(), func(tx *store.Tx) error {
			run.Status, run.UpdatedAt = actions.InProgress, time.Now().Add(time.Hour)
			jobs[0].Status, jobs[0].StartedAt = actions.InProgress, time.Now().Add(time.Hour)
			at, err := tx.Attempt(s.Context(), run.ID, 1)
			if err != nil {
				return err
			}
			at.Status = actions.InProgress
			if err := tx.UpdateAttempt(s.Context(), at); err != nil {
				return err
			}
			if err := tx.UpdateJob(s.Context(), jobs[0]); err != nil {
				return err
			}
			return tx.UpdateRun(s.Context(), run)
		}))
		wf, err := s.store.Workflow(s.Context(), s.repo.ID, run.WorkflowID)
		s.must(err)
		wf.State = actions.DisabledManually
		s.saveWorkflow(wf)
		after := read()
		for i, path := range paths {
			if again[i] != before[i] {
				s.Errorf("%s changed by itself", path)
			}
			if after[i] == before[i] {
				s.Errorf("%s did not change", path)
			}
		}
	})
}

func TestARememberedAnswerIsForThoseWhoMaySeeIt(t *testing.T) {
	s := newSite(t)
	s.pushed()
	bob := s.account("bob", nil)
	token := s.newToken(bob, "repo")
	path := s.path("actions/runs")
	s.want(s.get(path), http.StatusOK)
	s.want(s.do(http.MethodGet, path, token, nil), http.StatusNotFound)
	s.want(s.do(http.MethodPut, s.path("collaborators/bob"), s.token, nil), http.StatusNoContent)
	s.want(s.do(http.MethodGet, path, token, nil), http.StatusOK)
	s.want(s.do(http.MethodDelete, s.path("collaborators/bob"), s.token, nil), http.StatusNoContent)
	s.want(s.do(http.MethodGet, path, token, nil), http.StatusNotFound)
	s.want(s.do(http.MethodGet, path, "", nil), http.StatusNotFound)
}

func TestRememberedAnswersDifferByQueryAndVersion(t *testing.T) {
	s := newSite(t)
	s.pushed()
	path := s.path("actions/runs")
	for range 2 {
		if got := s.get(path + "?event=push").json(t)["total_count"]; got != 1.0 {
			t.Errorf("%v pushes", got)
		}
		if got := s.get(path + "?event=schedule").json(t)["total_count"]; got != 0.0 {
			t.Errorf("%v scheduled", got)
		}
		if got := s.get(path, "X-GitHub-Api-Version: 2026-03-10").Header.Get("X-GitHub-Api-Version-Selected"); got != "2026-03-10" {
			t.Errorf("version %s", got)
		}
	}
	head := s.do(http.MethodHead, path, s.token, nil)
	if head.StatusCode != http.StatusOK || len(head.text) > 0 || head.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
}
