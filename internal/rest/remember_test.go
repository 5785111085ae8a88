package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestARememberedAnswerIsNeverOld(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		_, run := s.Pushed()
		jobs, err := s.Store.Jobs(s.Context(), run.ID, 1)
		s.Must(err)
		paths := []string{
			s.Path("actions/runs"), s.Path("actions/runs", run.ID), s.Path("actions/runs", run.ID, "jobs"),
			s.Path("actions/runs", run.ID, "attempts/1"), s.Path("actions/jobs", jobs[0].ID), s.Path("actions/workflows"),
		}
		read := func() (texts []string) {
			for _, path := range paths {
				texts = append(texts, string(s.Want(s.Get(path), http.StatusOK).Text))
			}
			return texts
		}
		before := read()
		again := read()
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
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
		wf, err := s.Store.Workflow(s.Context(), s.Repo.ID, run.WorkflowID)
		s.Must(err)
		wf.State = actions.DisabledManually
		s.SaveWorkflow(wf)
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
	s := resttest.New(t)
	s.Pushed()
	bob := s.User("bob")
	token := s.Token(bob, "repo")
	path := s.Path("actions/runs")
	s.Want(s.Get(path), http.StatusOK)
	s.Want(s.Do(http.MethodGet, path, token, nil), http.StatusNotFound)
	s.Want(s.Do(http.MethodPut, s.Path("collaborators/bob"), s.AliceToken, nil), http.StatusNoContent)
	s.Want(s.Do(http.MethodGet, path, token, nil), http.StatusOK)
	s.Want(s.Do(http.MethodDelete, s.Path("collaborators/bob"), s.AliceToken, nil), http.StatusNoContent)
	s.Want(s.Do(http.MethodGet, path, token, nil), http.StatusNotFound)
	s.Want(s.Do(http.MethodGet, path, "", nil), http.StatusNotFound)
}

func TestRememberedAnswersDifferByQueryAndVersion(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	path := s.Path("actions/runs")
	for range 2 {
		if got := s.Get(path + "?event=push").JSON(t)["total_count"]; got != 1.0 {
			t.Errorf("%v pushes", got)
		}
		if got := s.Get(path + "?event=schedule").JSON(t)["total_count"]; got != 0.0 {
			t.Errorf("%v scheduled", got)
		}
		if got := s.Get(path, "X-GitHub-Api-Version: 2026-03-10").Header.Get("X-GitHub-Api-Version-Selected"); got != "2026-03-10" {
			t.Errorf("version %s", got)
		}
	}
	head := s.Do(http.MethodHead, path, s.AliceToken, nil)
	if head.StatusCode != http.StatusOK || len(head.Text) > 0 || head.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
}

func TestAListAfterAPatchHasWhatWasPatched(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	path, stop := s.Path("actions/runs"), make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	for range 4 { // others who poll
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.Want(s.Get(path), http.StatusOK)
				}
			}
		})
	}
	for i := range 100 {
		want := fmt.Sprint("number ", i)
		s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, map[string]any{"description": want}), http.StatusOK)
		if text := string(s.Want(s.Get(path), http.StatusOK).Text); !strings.Contains(text, `"`+want+`"`) {
			t.Fatalf("the list after the PATCH does not have %q", want)
		}
	}
}
