package rest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

// below are the routes below a repository with every parameter filled in.
func (s *site) below(repo *actions.Repository, ids map[string]int64) (routes []string) {
	for _, pattern := range s.api.Patterns() {
		if !strings.Contains(pattern, "{repo}") {
			continue
		}
		for name, id := range ids {
			pattern = strings.ReplaceAll(pattern, "{"+name+"}", strconv.FormatInt(id, 10))
		}
		pattern = strings.NewReplacer("{owner}", repo.Owner.Login, "{repo}", repo.Name, "{username}", "alice", "{path...}", "README.md",
			"{ref...}", "heads/main", "{branch...}", "main", "{ref}", "main", "{archive_format}", "zip").Replace(pattern)
		if strings.Contains(pattern, "{") {
			s.Fatalf("the test does not know a parameter of %s", pattern)
		}
		routes = append(routes, pattern)
	}
	return routes
}

func (s *site) try(route, token string) *reply {
	s.Helper()
	method, path, _ := strings.Cut(route, " ")
	var body any
	if method == http.MethodPost {
		body = fields{"ref": "main"}
	}
	return s.do(method, path, token, body)
}

// a private repository with a run, and the ids of what is in it.
func (s *site) secret() map[string]int64 {
	s.Helper()
	_, run := s.pushed()
	jobs, err := s.store.Jobs(s.Context(), run.ID, 1)
	s.must(err)
	s.log(jobs[0])
	art := s.upload(s.working(run), "dist", "", s.archive("README.md", "# Hello"))
	return map[string]int64{
		"workflow_id": run.WorkflowID, "run_id": run.ID, "attempt_number": 1, "job_id": jobs[0].ID,
		"check_run_id": jobs[0].ID, "check_suite_id": run.ID, "artifact_id": art.ID, "cache_id": 1,
	}
}

func TestAPrivateRepositoryDoesNotExistForOthers(t *testing.T) {
	s := newSite(t)
	ids := s.secret()
	bob := s.account("bob", nil)
	own := s.repository(bob, "own", true)
	for name, token := range map[string]string{
		"nobody":                    "",
		"a stranger":                s.newToken(bob, "repo", "workflow", "admin:org"),
		"its owner without scopes":  s.newToken(s.alice),
		"its owner for public ones": s.newToken(s.alice, "public_repo", "workflow"),
		"another repository's job":  s.jobToken(own, map[string]string{"actions": "write", "contents": "write", "checks": "write"}),
	} {
		for _, route := range s.below(s.repo, ids) {
			if a := s.try(route, token); a.StatusCode != http.StatusNotFound || a.json(t)["message"] != "Not Found" {
				t.Errorf("%s: %s answers %d: %s", name, route, a.StatusCode, a.text)
			}
		}
	}
}

func TestIdsOfAnotherRepositoryAreNotFound(t *testing.T) {
	s := newSite(t)
	foreign := s.secret()
	bob := s.account("bob", nil)
	own := s.repository(bob, "own", true)
	s.push(own, "main", map[string]string{"README.md": "x", ".github/workflows/hello.yml": helloWorkflow})
	token := s.newToken(bob, "repo", "workflow")
	for _, route := range s.below(own, foreign) {
		if !strings.Contains(route, "/actions/workflows/") && !strings.Contains(route, "/runs/") && !strings.Contains(route, "/jobs/") &&
			!strings.Contains(route, "/check-runs/") && !strings.Contains(route, "/check-suites/") &&
			!strings.Contains(route, "/artifacts/"+strconv.FormatInt(foreign["artifact_id"], 10)) {
			continue
		}
		if a := s.try(route, token); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %d: %s", route, a.StatusCode, a.text)
		}
	}
	if run, err := s.store.Run(t.Context(), foreign["run_id"]); err != nil || run.Status != actions.Queued {
		t.Errorf("the run is %v, %v", run, err)
	}
}

func TestReadersChangeNothing(t *testing.T) {
	s := newSite(t)
	ids := s.secret()
	bob := s.account("bob", nil)
	s.must(s.store.SetCollaborator(t.Context(), s.repo.ID, bob.ID, actions.Read))
	for who, c := range map[string]struct{ token, message string }{
		"a reader":                  {s.newToken(bob, "repo"), "Must have admin rights to Repository."},
		"a job that reads":          {s.jobToken(s.repo, map[string]string{"actions": "read", "checks": "read", "contents": "read"}), "Resource not accessible by integration"},
		"a job that writes content": {s.jobToken(s.repo, map[string]string{"contents": "write", "actions": "read", "checks": "read"}), "Resource not accessible by integration"},
	} {
		for _, route := range s.below(s.repo, ids) {
			a := s.try(route, c.token)
			reads := strings.HasPrefix(route, "GET ") && (who != "a reader" || !strings.HasSuffix(route, "/permission")) && !strings.HasSuffix(route, "-retention") && !strings.HasSuffix(route, "-limit")
			if reads && a.StatusCode >= http.StatusBadRequest {
				t.Errorf("%s: %s answers %d: %s", who, route, a.StatusCode, a.text)
			}
			if !reads && (a.StatusCode != http.StatusForbidden || a.json(t)["message"] != c.message) {
				t.Errorf("%s: %s answers %d: %s", who, route, a.StatusCode, a.text)
			}
		}
	}
}

func TestAJobSeesOnlyWhatItsPermissionsSay(t *testing.T) {
	s := newSite(t)
	ids := s.secret()
	none := s.jobToken(s.repo, map[string]string{})
	for _, route := range s.below(s.repo, ids) {
		want := http.StatusForbidden
		if route == "GET "+s.path() || strings.HasSuffix(route, "/permission") {
			want = http.StatusOK // metadata
		}
		if a := s.try(route, none); a.StatusCode != want {
			t.Errorf("%s answers %d, want %d: %s", route, a.StatusCode, want, a.text)
		}
	}
	writer := s.jobToken(s.repo, map[string]string{"actions": "write"})
	a := s.want(s.do(http.MethodPost, s.path("actions/runs", ids["run_id"], "cancel"), writer, nil), http.StatusAccepted)
	if got := a.Header.Get("X-Accepted-GitHub-Permissions"); got != "actions=write" {
		t.Errorf("accepted permissions %q", got)
	}
}

func TestAllFormsOfATokenGetTheSameAnswer(t *testing.T) {
	s := newSite(t)
	ids := s.secret()
	for _, route := range s.below(s.repo, ids) {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet {
			continue
		}
		want := s.get(path)
		for _, header := range []string{"Bearer " + s.token, "TOKEN " + s.token} {
			if got := s.do(method, path, "", nil, "Authorization: "+header); got.StatusCode != want.StatusCode || string(got.text) != string(want.text) {
				t.Errorf("%s: %d and %d", path, want.StatusCode, got.StatusCode)
			}
		}
	}
}

func TestErrorsPointToTheReference(t *testing.T) {
	s := newSite(t)
	for path, want := range map[string]string{
		s.path("actions/runs/999"): "https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run",
		s.path("actions/jobs/abc"): "https://docs.github.com/rest/actions/workflow-jobs#get-a-job-for-a-workflow-run",
		"/repos/alice/none":        "https://docs.github.com/rest/repos/repos#get-a-repository",
		"/nothing":                 "https://docs.github.com/rest",
	} {
		a := s.want(s.get(path), http.StatusNotFound).json(t)
		if a["documentation_url"] != want || a["status"] != "404" {
			t.Errorf("%s: %v", path, a)
		}
	}
}

func TestTheLaterVersionIsServedEverywhere(t *testing.T) {
	s := newSite(t)
	ids := s.secret()
	for _, route := range s.below(s.repo, ids) {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet {
			continue
		}
		a := s.get(path, "X-GitHub-Api-Version: 2026-03-10")
		if a.StatusCode >= http.StatusBadRequest || a.Header.Get("X-GitHub-Api-Version-Selected") != "2026-03-10" {
			t.Errorf("%s answers %d: %s", path, a.StatusCode, a.text)
		}
	}
}

func TestBytesThatAreNoTextAreRefused(t *testing.T) {
	each(t, func(s *site) {
		for _, path := range []string{
			"/users/a%00b", "/users/%ff", "/repos/alice/he%00llo", s.path("actions/workflows/%00.yml"), s.path("actions/workflows/%ff.yml"), s.path("commits/a%00b/check-runs"),
		} {
			s.want(s.get(path), http.StatusNotFound)
		}
		for _, query := range []string{"branch=%00", "actor=%ff", "event=a%00b", "head_sha=%c3%28", "%", "x=%zz", "branch=\xff"} {
			s.want(s.get(s.path("actions/runs?"+query)), http.StatusBadRequest)
		}
		s.want(s.do(http.MethodPost, "/admin/organizations", s.root, `{"login": "octo", "admin": "alice", "profile_name": "a\u0000b"}`), http.StatusUnprocessableEntity)
		s.want(s.do(http.MethodPost, "/admin/organizations", s.root, `{"login": "octo", "admin": "al\u0000ice"}`), http.StatusUnprocessableEntity)
		s.want(s.do(http.MethodPost, "/user/repos", s.token, `{"name": "x", "description": "\u0000"}`), http.StatusUnprocessableEntity)
		s.want(s.do(http.MethodPost, s.path("actions/workflows/none.yml/dispatches"), s.token, `{"ref": "\u0000"}`), http.StatusNotFound)
	})
}
