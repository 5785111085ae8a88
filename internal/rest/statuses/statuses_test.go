package statuses_test

import (
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

const onStatus = "name: S\non: status\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"

func TestToolsSayHowACommitStands(t *testing.T) { // TRG-9
	resttest.Each(t, func(s *resttest.Site) {
		sha := s.Push(s.Repo, "main", map[string]string{".github/workflows/s.yml": onStatus})
		s.Want(s.Do(http.MethodPut, s.Path("branches/main/protection"), s.AliceToken, resttest.Fields{
			"required_status_checks": nil, "enforce_admins": nil, "required_pull_request_reviews": nil, "restrictions": nil,
		}), http.StatusOK)
		set := func(token, context, state string) {
			s.Want(s.Do(http.MethodPost, s.Path("statuses", sha), token, resttest.Fields{"state": state, "context": context, "target_url": "https://ci.example/1", "description": "so"}), http.StatusCreated)
		}
		want := func(state string, total int) {
			s.Helper()
			combined, _, err := s.GoGitHub(s.AliceToken).Repositories.GetCombinedStatus(s.Context(), "alice", "hello", "main", nil)
			s.Must(err)
			if combined.GetState() != state || combined.GetTotalCount() != total || combined.GetSHA() != sha {
				s.Errorf("combined %v, want %s of %d", combined, state, total)
			}
		}
		want("pending", 0)
		set(s.AliceToken, "build", "pending")
		want("pending", 1)
		set(s.AliceToken, "Build", "success")
		want("success", 1)
		set(s.JobToken(s.Repo, map[string]string{"statuses": "write"}), "lint", "error")
		want("failure", 2)
		list, _, err := s.GoGitHub(s.AliceToken).Repositories.ListStatuses(s.Context(), "alice", "hello", sha, &github.ListOptions{PerPage: 2})
		s.Must(err)
		if len(list) != 2 || list[0].GetContext() != "lint" || list[1].GetContext() != "Build" || list[1].GetCreator().GetLogin() != "alice" {
			s.Errorf("statuses %v", list)
		}
		runs, n, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: s.Repo.ID}, store.Page{Number: 1, Size: 10})
		s.Must(err)
		if n != 2 || runs[0].Event != "status" { // not for what the job said
			s.Fatalf("%d runs, want 2", n)
		}
		src, err := s.Store.RunSource(s.Context(), runs[0].ID)
		s.Must(err)
		for _, part := range []string{`"state":"success"`, `"context":"Build"`, `"sha":"` + sha, `"branches":[{"name":"main"`, `"protected":true`} {
			if !strings.Contains(string(src.Payload), part) {
				s.Errorf("payload has no %s: %s", part, src.Payload)
			}
		}
	})
}

func TestStatusesThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	sha, _ := s.Pushed()
	lost := s.Push(s.Repo, "lost", map[string]string{"a": "b"})
	s.Want(s.Do(http.MethodDelete, s.Path("git/refs/heads/lost"), s.AliceToken, nil), http.StatusNoContent)
	for _, c := range []struct {
		sha  string
		body resttest.Fields
		want string
	}{
		{"main", resttest.Fields{"state": "success"}, "No commit found for SHA: main"},
		{lost[:39] + "0", resttest.Fields{"state": "success"}, "No commit found for SHA: " + lost[:39] + "0"},
		{sha, resttest.Fields{}, "Validation Failed"},
		{sha, resttest.Fields{"state": "great"}, "Validation Failed"},
		{sha, resttest.Fields{"state": "success", "target_url": "javascript:alert(1)"}, "Validation Failed"},
		{sha, resttest.Fields{"state": "success", "description": strings.Repeat("x", 141)}, "Validation Failed"},
		{sha, resttest.Fields{"state": "success", "context": strings.Repeat("x", 256)}, "Validation Failed"},
	} {
		s.Refused(s.Do(http.MethodPost, s.Path("statuses", c.sha), s.AliceToken, c.body), http.StatusUnprocessableEntity, c.want)
	}
	s.Want(s.Do(http.MethodPost, s.Path("statuses", sha), s.JobToken(s.Repo, map[string]string{"statuses": "read"}), resttest.Fields{"state": "success"}), http.StatusForbidden)
}

func TestOneViewHasAllChecksOfACommit(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		sha, _ := s.Pushed()
		for _, state := range []string{"failure", "success"} {
			s.Want(s.Do(http.MethodPost, s.Path("statuses", sha), s.AliceToken, resttest.Fields{"state": state, "context": "lint"}), http.StatusCreated)
		}
		list, err := protect.New(s.Store, s.Git, slog.New(slog.DiscardHandler), s.Now).Results(s.Context(), s.Repo.ID, sha)
		s.Must(err)
		passed := map[string]bool{}
		for _, r := range list {
			passed[r.Name] = r.Passed()
		}
		want := map[string]bool{"greet (1)": false, "greet (2)": false, "lint": true}
		if !maps.Equal(passed, want) || len(list) != len(want) {
			s.Errorf("checks %+v, want %v", list, want)
		}
	})
}
