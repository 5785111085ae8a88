package workflows_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestAWorkflowIsDispatched(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Pushed()
		path := s.Path("actions/workflows/hello.yml/dispatches")
		_, _, err := s.GoGitHub(s.AliceToken).Actions.CreateWorkflowDispatchEventByFileName(s.Context(), "alice", "hello", "hello.yml",
			github.CreateWorkflowDispatchEventRequest{Ref: "main", Inputs: map[string]any{"who": "me", "loud": true}})
		s.Must(err)
		if a := s.Want(s.Do(http.MethodPost, path, s.AliceToken, resttest.Fields{"ref": "refs/heads/main"}), http.StatusNoContent); len(a.Text) > 0 {
			s.Errorf("204 with %s", a.Text)
		}
		for _, a := range []*servertest.Reply{
			s.Do(http.MethodPost, path, s.AliceToken, resttest.Fields{"ref": "main", "return_run_details": true}),
			s.Do(http.MethodPost, path, s.AliceToken, resttest.Fields{"ref": "main", "inputs": nil}, "X-GitHub-Api-Version: 2026-03-10"),
			s.Do(http.MethodPost, path, s.JobToken(s.Repo, map[string]string{"actions": "write"}), resttest.Fields{"ref": "main"}, "X-GitHub-Api-Version: 2026-03-10"),
		} {
			details := s.Want(a, http.StatusOK).JSON(s)
			run := s.Want(s.Do(http.MethodGet, details["run_url"].(string), s.AliceToken, nil), http.StatusOK).JSON(s)
			if run["id"] != details["workflow_run_id"] || run["html_url"] != details["html_url"] || run["event"] != "workflow_dispatch" {
				s.Errorf("details %v of run %v", details, run)
			}
		}
		if got := s.Get(s.Path("actions/runs?event=workflow_dispatch")).JSON(s)["total_count"]; got != 5.0 {
			s.Errorf("%v dispatched runs, want 5", got)
		}
	})
}

func TestDispatchesThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	path := s.Path("actions/workflows/hello.yml/dispatches")
	for _, c := range []struct {
		name string
		body any
		want int
	}{
		{"no ref", resttest.Fields{}, http.StatusUnprocessableEntity},
		{"no such ref", resttest.Fields{"ref": "none"}, http.StatusUnprocessableEntity},
		{"an option", resttest.Fields{"ref": "--help"}, http.StatusUnprocessableEntity},
		{"unknown input", resttest.Fields{"ref": "main", "inputs": resttest.Fields{"x": "y"}}, http.StatusUnprocessableEntity},
		{"input is an object", resttest.Fields{"ref": "main", "inputs": resttest.Fields{"who": resttest.Fields{}}}, http.StatusUnprocessableEntity},
		{"input is a list", resttest.Fields{"ref": "main", "inputs": resttest.Fields{"who": []int{1}}}, http.StatusUnprocessableEntity},
		{"inputs are no object", resttest.Fields{"ref": "main", "inputs": "x"}, http.StatusUnprocessableEntity},
		{"bad boolean", resttest.Fields{"ref": "main", "inputs": resttest.Fields{"loud": "perhaps"}}, http.StatusUnprocessableEntity},
		{"not JSON", "{", http.StatusBadRequest},
		{"too large", `{"ref": "` + strings.Repeat("x", 1<<20) + `"}`, http.StatusBadRequest},
	} {
		if a := s.Do(http.MethodPost, path, s.AliceToken, c.body); a.StatusCode != c.want {
			t.Errorf("%s: got %d, want %d: %s", c.name, a.StatusCode, c.want, a.Text)
		}
	}
	a := s.Do(http.MethodPost, path, s.AliceToken, resttest.Fields{"ref": "none"})
	if got := a.JSON(t)["message"]; got != "No ref found for: none" {
		t.Errorf("message %v", got)
	}
	s.Want(s.Do(http.MethodPost, s.Path("actions/workflows/none.yml/dispatches"), s.AliceToken, resttest.Fields{"ref": "main"}), http.StatusNotFound)
	if got := s.Get(s.Path("actions/runs")).JSON(t)["total_count"]; got != 1.0 {
		t.Errorf("%v runs, want the push's alone", got)
	}
}

func TestADisabledWorkflowDoesNotRun(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	path := s.Path("actions/workflows/hello.yml")
	s.Want(s.Do(http.MethodPut, path+"/disable", s.AliceToken, nil), http.StatusNoContent)
	if got := s.Get(path).JSON(t)["state"]; got != "disabled_manually" {
		t.Errorf("state %v", got)
	}
	s.Want(s.Do(http.MethodPost, path+"/dispatches", s.AliceToken, resttest.Fields{"ref": "main"}), http.StatusUnprocessableEntity)
	s.Want(s.Do(http.MethodPut, path+"/enable", s.AliceToken, nil), http.StatusNoContent)
	s.Want(s.Do(http.MethodPost, path+"/dispatches", s.AliceToken, resttest.Fields{"ref": "main"}), http.StatusNoContent)
	deleted := s.AddWorkflow(s.Repo, ".github/workflows/gone.yml")
	deleted.State = actions.Deleted
	s.SaveWorkflow(deleted)
	s.Want(s.Do(http.MethodPut, s.Path("actions/workflows", deleted.ID, "enable"), s.AliceToken, nil), http.StatusUnprocessableEntity)
	if got := s.Get(s.Path("actions/workflows")).JSON(t)["total_count"]; got != 1.0 {
		t.Errorf("%v workflows are listed, want 1", got)
	}
}

func TestNamesWithOddCharactersAreEscapedInURLs(t *testing.T) {
	s := resttest.New(t)
	wf := s.AddWorkflow(s.Repo, ".github/workflows/a b#.yml")
	got := s.Want(s.Get(s.Path("actions/workflows", url.PathEscape("a b#.yml"))), http.StatusOK).JSON(t)
	if got["id"] != float64(wf.ID) || !strings.HasSuffix(got["html_url"].(string), "/blob/main/.github/workflows/a%20b%23.yml") {
		t.Errorf("got %v", got)
	}
}
