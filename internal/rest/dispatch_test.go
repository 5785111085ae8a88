package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v75/github"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestAWorkflowIsDispatched(t *testing.T) {
	each(t, func(s *site) {
		s.pushed()
		path := s.path("actions/workflows/hello.yml/dispatches")
		_, err := s.goGitHub(s.token).Actions.CreateWorkflowDispatchEventByFileName(s.Context(), "alice", "hello", "hello.yml",
			github.CreateWorkflowDispatchEventRequest{Ref: "main", Inputs: map[string]any{"who": "me", "loud": true}})
		s.must(err)
		if a := s.want(s.do(http.MethodPost, path, s.token, fields{"ref": "refs/heads/main"}), http.StatusNoContent); len(a.text) > 0 {
			s.Errorf("204 with %s", a.text)
		}
		for _, a := range []*reply{
			s.do(http.MethodPost, path, s.token, fields{"ref": "main", "return_run_details": true}),
			s.do(http.MethodPost, path, s.token, fields{"ref": "main", "inputs": nil}, "X-GitHub-Api-Version: 2026-03-10"),
			s.do(http.MethodPost, path, s.jobToken(s.repo, map[string]string{"actions": "write"}), fields{"ref": "main"}, "X-GitHub-Api-Version: 2026-03-10"),
		} {
			details := s.want(a, http.StatusOK).json(s)
			run := s.want(s.do(http.MethodGet, details["run_url"].(string), s.token, nil), http.StatusOK).json(s)
			if run["id"] != details["workflow_run_id"] || run["html_url"] != details["html_url"] || run["event"] != "workflow_dispatch" {
				s.Errorf("details %v of run %v", details, run)
			}
		}
		if got := s.get(s.path("actions/runs?event=workflow_dispatch")).json(s)["total_count"]; got != 5.0 {
			s.Errorf("%v dispatched runs, want 5", got)
		}
	})
}

func TestDispatchesThatCannotBeAreRefused(t *testing.T) {
	s := newSite(t)
	s.pushed()
	path := s.path("actions/workflows/hello.yml/dispatches")
	for _, c := range []struct {
		name string
		body any
		want int
	}{
		{"no ref", fields{}, http.StatusUnprocessableEntity},
		{"no such ref", fields{"ref": "none"}, http.StatusUnprocessableEntity},
		{"an option", fields{"ref": "--help"}, http.StatusUnprocessableEntity},
		{"unknown input", fields{"ref": "main", "inputs": fields{"x": "y"}}, http.StatusUnprocessableEntity},
		{"input is an object", fields{"ref": "main", "inputs": fields{"who": fields{}}}, http.StatusUnprocessableEntity},
		{"input is a list", fields{"ref": "main", "inputs": fields{"who": []int{1}}}, http.StatusUnprocessableEntity},
		{"inputs are no object", fields{"ref": "main", "inputs": "x"}, http.StatusUnprocessableEntity},
		{"bad boolean", fields{"ref": "main", "inputs": fields{"loud": "perhaps"}}, http.StatusUnprocessableEntity},
		{"not JSON", "{", http.StatusBadRequest},
		{"too large", `{"ref": "` + strings.Repeat("x", 1<<20) + `"}`, http.StatusBadRequest},
	} {
		if a := s.do(http.MethodPost, path, s.token, c.body); a.StatusCode != c.want {
			t.Errorf("%s: got %d, want %d: %s", c.name, a.StatusCode, c.want, a.text)
		}
	}
	a := s.do(http.MethodPost, path, s.token, fields{"ref": "none"})
	if got := a.json(t)["message"]; got != "No ref found for: none" {
		t.Errorf("message %v", got)
	}
	s.want(s.do(http.MethodPost, s.path("actions/workflows/none.yml/dispatches"), s.token, fields{"ref": "main"}), http.StatusNotFound)
	if got := s.get(s.path("actions/runs")).json(t)["total_count"]; got != 1.0 {
		t.Errorf("%v runs, want the push's alone", got)
	}
}

func TestADisabledWorkflowDoesNotRun(t *testing.T) {
	s := newSite(t)
	s.pushed()
	path := s.path("actions/workflows/hello.yml")
	s.want(s.do(http.MethodPut, path+"/disable", s.token, nil), http.StatusNoContent)
	if got := s.get(path).json(t)["state"]; got != "disabled_manually" {
		t.Errorf("state %v", got)
	}
	s.want(s.do(http.MethodPost, path+"/dispatches", s.token, fields{"ref": "main"}), http.StatusUnprocessableEntity)
	s.want(s.do(http.MethodPut, path+"/enable", s.token, nil), http.StatusNoContent)
	s.want(s.do(http.MethodPost, path+"/dispatches", s.token, fields{"ref": "main"}), http.StatusNoContent)
	deleted := s.addWorkflow(s.repo, ".github/workflows/gone.yml")
	deleted.State = actions.Deleted
	s.saveWorkflow(deleted)
	s.want(s.do(http.MethodPut, s.path("actions/workflows", deleted.ID, "enable"), s.token, nil), http.StatusUnprocessableEntity)
	if got := s.get(s.path("actions/workflows")).json(t)["total_count"]; got != 1.0 {
		t.Errorf("%v workflows are listed, want 1", got)
	}
}
