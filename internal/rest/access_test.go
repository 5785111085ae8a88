package rest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A filled route has every parameter of its pattern filled in.
type filled struct {
	method, path string
	need         auth.Need
}

// below are the routes of a repository.
func below(s *resttest.Site, repo *actions.Repository, ids map[string]int64) (routes []filled) {
	s.Helper()
	sha, err := s.Git.Resolve(s.Context(), repo.ID, actions.BranchPrefix+repo.DefaultBranch)
	s.Must(err)
	for _, rt := range s.Server.Routes() {
		pattern := rt.Pattern
		if rt.Need.On != auth.Repo {
			continue
		}
		for name, id := range ids {
			pattern = strings.ReplaceAll(pattern, "{"+name+"}", strconv.FormatInt(id, 10))
		}
		pattern = strings.NewReplacer("{owner}", repo.Owner.Login, "{repo}", repo.Name, "{username}", "alice", "{path...}", "README.md", "{dir...}", "",
			"{ref...}", "heads/main", "{branch...}", "main", "{branch}", "main", "{ref}", "main", "{sha}", sha, "{archive_format}", "zip",
			"{environment_name}", "production", "{tag}", "v1", "{secret_name}", held, "{name}", held).Replace(pattern)
		if strings.Contains(pattern, "{") {
			s.Fatalf("%s has a parameter without a value: give it one here or, if it is an id, in secret, of something that alice/hello has", pattern)
		}
		method, path, _ := strings.Cut(pattern, " ")
		routes = append(routes, filled{method, path, rt.Need})
	}
	return routes
}

func try(s *resttest.Site, route filled, token string) *servertest.Reply {
	s.Helper()
	var body any
	if route.method == http.MethodPost {
		body = resttest.Fields{"ref": "main"}
	}
	return s.Do(route.method, route.path, token, body)
}

// a private repository with a run, and the ids of what is in it.
func secret(s *resttest.Site) map[string]int64 {
	s.Helper()
	_, run := s.Pushed()
	jobs, err := s.Store.Jobs(s.Context(), run.ID, 1)
	s.Must(err)
	s.AddLog(jobs[0])
	art := s.Upload(s.AddJob(run, resttest.Running), "dist", "", s.Archive("README.md", "# Hello"))
	runner := &actions.Runner{Scope: actions.Scope{RepoID: s.Repo.ID}, Name: "box", ClientID: "c", PublicKey: []byte("key"), CreatedAt: s.Now()}
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.CreateRunner(s.Context(), runner) }))
	hold(s, s.Repo)
	s.Want(s.Do(http.MethodPut, s.Path("actions/permissions"), s.AliceToken, resttest.Fields{"enabled": true, "allowed_actions": "selected"}), http.StatusNoContent)
	release, asset := publish(s, s.Repo, s.AliceToken)
	pull := ask(s, s.Repo, s.Alice)
	deployment, status := deploys(s, s.Repo, s.AliceToken)
	return map[string]int64{
		"workflow_id": run.WorkflowID, "run_id": run.ID, "attempt_number": 1, "job_id": jobs[0].ID,
		"check_run_id": jobs[0].ID, "check_suite_id": run.ID, "artifact_id": art.ID, "cache_id": 1, "runner_id": runner.ID, "pull_number": pull, "review_id": said(s, s.Repo, pull, s.Alice),
		"deployment_id": deployment, "status_id": status, "release_id": release, "asset_id": asset,
	}
}

// held is the name of the secrets and variables that there are.
const held = "GREETING"

// hold protects the branch main of a repository, and gives that an environment, and both and its organization, if it has one, a
// secret and a variable.
func hold(s *resttest.Site, repo *actions.Repository) {
	s.Helper()
	now, e := s.Now(), &actions.Environment{RepoID: repo.ID, Name: "production", CreatedAt: s.Now(), UpdatedAt: s.Now()}
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
		if _, err := tx.AddEnvironment(s.Context(), e); err != nil {
			return err
		}
		key, err := tx.NewestSecretKey(s.Context())
		if err != nil {
			return err
		}
		guard := &actions.BranchProtection{RepoID: repo.ID, Branch: "main", Rules: actions.ProtectionRules{Pull: true, Checks: new(actions.RequiredChecks)}, CreatedAt: now, UpdatedAt: now}
		if err := tx.SaveProtection(s.Context(), guard); err != nil {
			return err
		}
		holders := map[actions.Holder]actions.Visibility{{RepoID: repo.ID}: "", {RepoID: repo.ID, EnvironmentID: e.ID}: ""}
		if repo.Owner.Type == actions.Organization {
			holders[actions.Holder{OrgID: repo.Owner.ID}] = actions.VisibleToSelected
		}
		for h, visibility := range holders {
			if _, err := tx.SaveSecret(s.Context(), &actions.Secret{Holder: h, Name: held, Visibility: visibility, KeyID: key, Sealed: []byte("x"), CreatedAt: now, UpdatedAt: now}); err != nil {
				return err
			}
			if err := tx.CreateVariable(s.Context(), &actions.Variable{Holder: h, Name: held, Visibility: visibility, Value: "hello", CreatedAt: now, UpdatedAt: now}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// ask makes a pull request, which is merged, from a branch other into main of a repository, by its record
// alone, and returns its number.
func ask(s *resttest.Site, repo *actions.Repository, by *actions.Account) int64 {
	s.Helper()
	main, err := s.Git.View(repo.ID).Ref("refs/heads/main")
	s.Must(err)
	p := &actions.Pull{
		RepoID: repo.ID, Title: "a change", State: actions.PullOpen, Author: *by, BaseRef: "main", BaseSHA: main,
		HeadRepoID: repo.ID, HeadOwner: repo.Owner, HeadRef: "other", HeadSHA: main, CreatedAt: s.Now(), UpdatedAt: s.Now(),
	}
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
		if err := tx.CreatePull(s.Context(), p); err != nil {
			return err
		}
		p.Merge(main, *by, s.Now())
		return tx.UpdatePull(s.Context(), p, true)
	}))
	return p.Number
}

// publish makes a release v1 of a repository, with an asset, and returns their ids.
func publish(s *resttest.Site, repo *actions.Repository, token string) (release, asset int64) {
	s.Helper()
	path := "/repos/" + repo.FullName() + "/releases"
	var made struct{ ID int64 }
	s.Want(s.Do(http.MethodPost, path, token, resttest.Fields{"tag_name": "v1", "name": "First", "body": "news"}), http.StatusCreated).Into(s, &made)
	release = made.ID
	s.Want(s.Do(http.MethodPost, fmt.Sprintf("%s/%d/assets?name=a.txt", path, release), token, resttest.Fields{"some": "bytes"}), http.StatusCreated).Into(s, &made)
	return release, made.ID
}

// said makes a review of a pull request, by its record alone, and returns its id.
func said(s *resttest.Site, repo *actions.Repository, number int64, by *actions.Account) int64 {
	s.Helper()
	p, err := s.Store.PullByNumber(s.Context(), repo.ID, number)
	s.Must(err)
	v := &actions.Review{Author: *by, State: actions.ReviewApproved, CommitSHA: p.HeadSHA, SubmittedAt: s.Now(), CreatedAt: s.Now()}
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.CreateReview(s.Context(), p, v) }))
	return v.ID
}

// deploys makes a deployment of a repository, with a status, and returns their ids.
func deploys(s *resttest.Site, repo *actions.Repository, token string) (deployment, status int64) {
	s.Helper()
	path := "/repos/" + repo.FullName() + "/deployments"
	var made struct{ ID int64 }
	s.Want(s.Do(http.MethodPost, path, token, resttest.Fields{"ref": "main", "required_contexts": []string{}}), http.StatusCreated).Into(s, &made)
	deployment = made.ID
	s.Want(s.Do(http.MethodPost, fmt.Sprintf("%s/%d/statuses", path, deployment), token, resttest.Fields{"state": "pending"}), http.StatusCreated).Into(s, &made)
	return deployment, made.ID
}

func TestAPrivateRepositoryDoesNotExistForOthers(t *testing.T) {
	s := resttest.New(t)
	ids := secret(s)
	bob := s.User("bob")
	own := s.Repository(bob, "own", true)
	for name, token := range map[string]string{
		"nobody":                    "",
		"an outsider":               s.Token(bob, "repo", "workflow", "admin:org"),
		"its owner without scopes":  s.Token(s.Alice),
		"its owner for public ones": s.Token(s.Alice, "public_repo", "workflow"),
		"another repository's job":  s.JobToken(own, map[string]string{"actions": "write", "contents": "write", "checks": "write"}),
	} {
		for _, route := range below(s, s.Repo, ids) {
			if a := try(s, route, token); a.StatusCode != http.StatusNotFound || a.JSON(t)["message"] != "Not Found" {
				t.Errorf("%s: %s %s answers %d: %s", name, route.method, route.path, a.StatusCode, a.Text)
			}
		}
	}
}

// notForJobs are permissions that the token of a job cannot have.
var notForJobs = []string{"secrets", "actions_variables", "environments"}

func TestReadersChangeNothing(t *testing.T) {
	s := resttest.New(t)
	ids := secret(s)
	bob := s.User("bob")
	s.Must(s.Store.SetCollaborator(t.Context(), s.Repo.ID, bob.ID, actions.Read))
	for who, c := range map[string]struct{ token, message string }{
		"a reader":                  {s.Token(bob, "repo"), "Must have admin rights to Repository."},
		"a job that reads":          {s.JobToken(s.Repo, map[string]string{"actions": "read", "checks": "read", "statuses": "read", "deployments": "read", "contents": "read", "pull-requests": "read"}), "Resource not accessible by integration"},
		"a job that writes content": {s.JobToken(s.Repo, map[string]string{"contents": "write", "actions": "read", "checks": "read", "statuses": "read", "deployments": "read", "pull-requests": "read"}), "Resource not accessible by integration"},
	} {
		for _, route := range below(s, s.Repo, ids) {
			if who == "a job that writes content" && route.method != http.MethodGet && strings.Contains(route.path, "/releases") {
				continue // it may, and the others want to find it
			}
			a := try(s, route, c.token)
			reads := route.need.Role <= actions.Read
			if reads && who == "a reader" && route.need.AccessLevel() == auth.WriteLevel {
				continue // what is theirs, they change: tests of its page say so
			}
			if who != "a reader" {
				reads = route.need.Role < actions.Admin && route.need.AccessLevel() == auth.ReadLevel && !slices.Contains(notForJobs, route.need.Permission)
			}
			if reads && a.StatusCode >= http.StatusBadRequest {
				t.Errorf("%s: %s %s answers %d: %s", who, route.method, route.path, a.StatusCode, a.Text)
			}
			if !reads && who == "a job that writes content" && route.need.Permission == "contents" {
				if a.StatusCode != http.StatusUnprocessableEntity && a.StatusCode != http.StatusMethodNotAllowed { // it may, and says nothing of what, or it is merged
					t.Errorf("%s: %s %s answers %d: %s", who, route.method, route.path, a.StatusCode, a.Text)
				}
				continue
			}
			if !reads && (a.StatusCode != http.StatusForbidden || a.JSON(t)["message"] != c.message) {
				t.Errorf("%s: %s %s answers %d: %s", who, route.method, route.path, a.StatusCode, a.Text)
			}
		}
	}
}

func TestAJobSeesOnlyWhatItsPermissionsSay(t *testing.T) {
	s := resttest.New(t)
	ids := secret(s)
	none := s.JobToken(s.Repo, map[string]string{})
	for _, route := range below(s, s.Repo, ids) {
		want := http.StatusForbidden
		if route.need.Permission == "metadata" {
			want = http.StatusOK
		}
		if a := try(s, route, none); a.StatusCode != want {
			t.Errorf("%s %s answers %d, want %d: %s", route.method, route.path, a.StatusCode, want, a.Text)
		}
	}
	writer := s.JobToken(s.Repo, map[string]string{"actions": "write"})
	a := s.Want(s.Do(http.MethodPost, s.Path("actions/runs", ids["run_id"], "cancel"), writer, nil), http.StatusAccepted)
	if got := a.Header.Get("X-Accepted-GitHub-Permissions"); got != "actions=write" {
		t.Errorf("accepted permissions %q", got)
	}
}

func TestAllFormsOfATokenGetTheSameAnswer(t *testing.T) {
	s := resttest.New(t)
	ids := secret(s)
	for _, route := range below(s, s.Repo, ids) {
		method, path := route.method, route.path
		if method != http.MethodGet || strings.HasSuffix(path, "/timing") { // which tells the time
			continue
		}
		want := s.Get(path)
		for _, header := range []string{"Bearer " + s.AliceToken, "TOKEN " + s.AliceToken} {
			if got := s.Do(method, path, "", nil, "Authorization: "+header); got.StatusCode != want.StatusCode || string(got.Text) != string(want.Text) {
				t.Errorf("%s: %d and %d", path, want.StatusCode, got.StatusCode)
			}
		}
	}
}

func TestErrorsPointToTheReference(t *testing.T) {
	s := resttest.New(t)
	for path, want := range map[string]string{
		s.Path("actions/runs/999"): "https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run",
		s.Path("actions/jobs/abc"): "https://docs.github.com/rest/actions/workflow-jobs#get-a-job-for-a-workflow-run",
		"/repos/alice/none":        "https://docs.github.com/rest/repos/repos#get-a-repository",
		"/nothing":                 "https://docs.github.com/rest",
	} {
		a := s.Want(s.Get(path), http.StatusNotFound).JSON(t)
		if a["documentation_url"] != want || a["status"] != "404" {
			t.Errorf("%s: %v", path, a)
		}
	}
}

func TestTheLaterVersionIsServedEverywhere(t *testing.T) {
	s := resttest.New(t)
	ids := secret(s)
	for _, route := range below(s, s.Repo, ids) {
		method, path := route.method, route.path
		if method != http.MethodGet {
			continue
		}
		a := s.Get(path, "X-GitHub-Api-Version: 2026-03-10")
		if a.StatusCode >= http.StatusBadRequest || a.Header.Get("X-GitHub-Api-Version-Selected") != "2026-03-10" {
			t.Errorf("%s answers %d: %s", path, a.StatusCode, a.Text)
		}
	}
}

func TestBytesThatAreNoTextAreRefused(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		for _, path := range []string{
			"/users/a%00b", "/users/%ff", "/repos/alice/he%00llo", s.Path("actions/workflows/%00.yml"), s.Path("actions/workflows/%ff.yml"), s.Path("commits/a%00b/check-runs"),
		} {
			s.Want(s.Get(path), http.StatusNotFound)
		}
		for _, query := range []string{"branch=%00", "actor=%ff", "event=a%00b", "head_sha=%c3%28", "%", "x=%zz", "branch=\xff"} {
			s.Want(s.Get(s.Path("actions/runs?"+query)), http.StatusBadRequest)
		}
		s.Want(s.Do(http.MethodPost, "/admin/organizations", s.AdminToken, `{"login": "octo", "admin": "alice", "profile_name": "a\u0000b"}`), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodPost, "/admin/organizations", s.AdminToken, `{"login": "octo", "admin": "al\u0000ice"}`), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodPost, "/user/repos", s.AliceToken, `{"name": "x", "description": "\u0000"}`), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodPost, s.Path("actions/workflows/none.yml/dispatches"), s.AliceToken, `{"ref": "\u0000"}`), http.StatusNotFound)
	})
}
