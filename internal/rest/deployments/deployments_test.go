package deployments_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

const onDeployment = "name: D\non: [deployment, deployment_status]\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"

func deploy(s *resttest.Site, body resttest.Fields, status int) map[string]any {
	s.Helper()
	return s.Answer(s.Do(http.MethodPost, s.Path("deployments"), s.AliceToken, body), status)
}

func TestADeploymentAndItsStatusesStartRuns(t *testing.T) { // TRG-9
	resttest.Each(t, func(s *resttest.Site) {
		sha := s.Push(s.Repo, "main", map[string]string{".github/workflows/d.yml": onDeployment})
		made := deploy(s, resttest.Fields{"ref": "main", "payload": resttest.Fields{"key": "value"}, "description": "go", "required_contexts": []string{}}, http.StatusCreated)
		id := int64(made["id"].(float64))
		if made["sha"] != sha || made["environment"] != "production" || made["production_environment"] != true || made["task"] != "deploy" {
			s.Errorf("deployment %v", made)
		}
		runs := s.Runs(s.Repo)
		if len(runs) != 1 || runs[0].Event != "deployment" || runs[0].Ref != "refs/heads/main" || runs[0].SHA != sha {
			s.Fatalf("runs %+v", runs)
		}
		client := s.GoGitHub(s.AliceToken).Repositories
		status := func(token, state string) {
			s.Helper()
			s.Want(s.Do(http.MethodPost, s.Path("deployments", id, "statuses"), token, resttest.Fields{"state": state, "environment_url": "https://app.example", "log_url": "https://ci.example/1"}), http.StatusCreated)
		}
		status(s.AliceToken, "in_progress")
		status(s.AliceToken, "inactive")                                                 // which starts nothing
		status(s.JobToken(s.Repo, map[string]string{"deployments": "write"}), "success") // nor does this
		runs = s.Runs(s.Repo)
		if len(runs) != 2 || runs[0].Event != "deployment_status" {
			s.Fatalf("runs %+v", runs)
		}
		src, err := s.Store.RunSource(s.Context(), runs[0].ID)
		s.Must(err)
		for _, part := range []string{`"state":"in_progress"`, `"environment_url":"https://app.example"`, `"payload":{"key":"value"}`, `"sha":"` + sha} {
			if !strings.Contains(string(src.Payload), part) {
				s.Errorf("payload has no %s: %s", part, src.Payload)
			}
		}
		list, _, err := client.ListDeploymentStatuses(s.Context(), "alice", "hello", id, nil)
		s.Must(err)
		if len(list) != 3 || list[0].GetState() != "success" || list[0].GetTargetURL() != "https://ci.example/1" {
			s.Errorf("statuses %v", list)
		}
		_, _, err = client.GetDeploymentStatus(s.Context(), "alice", "hello", id, list[0].GetID())
		s.Must(err)
		found, _, err := client.ListDeployments(s.Context(), "alice", "hello", &github.DeploymentsListOptions{Environment: "production", Ref: "main"})
		s.Must(err)
		if len(found) != 1 || found[0].GetID() != id {
			s.Errorf("deployments %v", found)
		}
		deploy(s, resttest.Fields{"ref": sha, "environment": "test", "required_contexts": []string{}}, http.StatusCreated)
		if run := s.Runs(s.Repo)[0]; run.Event != "deployment" || run.SHA != sha || run.Ref != "" {
			s.Errorf("run of a SHA %+v", run)
		}
		s.Refused(s.Do(http.MethodDelete, s.Path("deployments", id), s.AliceToken, nil), http.StatusUnprocessableEntity, "We cannot delete an active deployment unless it is the only deployment in a given repository.")
		status(s.AliceToken, "failure")
		s.Want(s.Do(http.MethodDelete, s.Path("deployments", id), s.AliceToken, nil), http.StatusNoContent)
		s.Want(s.Get(s.Path("deployments", id)), http.StatusNotFound)
	})
}

func TestADeploymentTakesThePlaceOfTheOneBefore(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Push(s.Repo, "main", map[string]string{"a": "b"})
		var ids []int64
		for range 2 {
			id := int64(deploy(s, resttest.Fields{"ref": "main", "environment": "staging"}, http.StatusCreated)["id"].(float64))
			s.Want(s.Do(http.MethodPost, s.Path("deployments", id, "statuses"), s.AliceToken, resttest.Fields{"state": "success"}), http.StatusCreated)
			ids = append(ids, id)
		}
		for i, want := range []string{"inactive", "success"} {
			var list []map[string]any
			s.Want(s.Get(s.Path("deployments", ids[i], "statuses")), http.StatusOK).Into(s, &list)
			if list[0]["state"] != want {
				s.Errorf("deployment %d is %v, want %s", ids[i], list[0]["state"], want)
			}
			s.Want(s.Get(s.Path("deployments", ids[i], "statuses", int64(list[0]["id"].(float64)))), http.StatusOK)
		}
	})
}

func TestADeploymentNeedsItsChecksAndTheDefaultBranch(t *testing.T) {
	s := resttest.New(t)
	tree := s.Tree(s.Repo, s.AliceToken)
	first := tree.Commit("main", "", "first", map[string]string{"a": "1\n"})
	topic := tree.Commit("topic", first, "topic", map[string]string{"b": "1\n"})
	set := func(state string) {
		s.Want(s.Do(http.MethodPost, s.Path("statuses", topic), s.AliceToken, resttest.Fields{"state": state, "context": "ci"}), http.StatusCreated)
	}
	refused := func(body resttest.Fields, message string) {
		t.Helper()
		s.Refused(s.Do(http.MethodPost, s.Path("deployments"), s.AliceToken, body), http.StatusConflict, message)
	}
	set("pending")
	refused(resttest.Fields{"ref": "topic"}, "Conflict: Commit status checks failed for topic.")
	refused(resttest.Fields{"ref": "topic", "required_contexts": []string{"other"}}, "Conflict: Commit status checks failed for topic.")
	set("success")
	refused(resttest.Fields{"ref": "topic", "required_contexts": []string{"ci", "other"}}, "Conflict: Commit status checks failed for topic.")
	deploy(s, resttest.Fields{"ref": "topic", "required_contexts": []string{"ci"}}, http.StatusCreated)
	tree.Commit("main", first, "second", map[string]string{"c": "1\n"})
	if got := deploy(s, resttest.Fields{"ref": "topic"}, http.StatusAccepted)["message"]; got != "Auto-merged main into topic on deployment." {
		t.Errorf("message %v", got)
	}
	deploy(s, resttest.Fields{"ref": "topic"}, http.StatusCreated)
	tree.Commit("main", first, "third", map[string]string{"b": "2\n"})
	refused(resttest.Fields{"ref": "topic"}, "Conflict merging main into topic.")
	deploy(s, resttest.Fields{"ref": "topic", "auto_merge": false}, http.StatusCreated)
	s.Refused(s.Do(http.MethodPost, s.Path("deployments"), s.AliceToken, resttest.Fields{"ref": "none"}), http.StatusUnprocessableEntity, "No ref found for: none")
	for _, body := range []resttest.Fields{{"ref": ""}, {"ref": "topic", "payload": 1}, {"ref": "topic", "environment": " "}, {"ref": "topic", "description": strings.Repeat("x", 141)}, {"ref": "topic", "task": strings.Repeat("x", 129)}} {
		s.Want(s.Do(http.MethodPost, s.Path("deployments"), s.AliceToken, body), http.StatusUnprocessableEntity)
	}
	for _, body := range []resttest.Fields{{}, {"state": "great"}, {"state": "success", "environment_url": "javascript:alert(1)"}, {"state": "success", "log_url": "ftp://x"}} {
		s.Want(s.Do(http.MethodPost, s.Path("deployments/1/statuses"), s.AliceToken, body), http.StatusUnprocessableEntity)
	}
}
