package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

// An outsider has a fork of a public repository with secrets and variables of every kind,
// and changes its workflows. A runner does what these say.
type outsider struct {
	*servertest.Site
	repo  *actions.Repository
	fork  *actions.Repository
	token string
	tree  string // a work tree of the fork
	notes string // a directory with what each job tells, by the number of its run
}

// Workflows of the repository, and what the fork makes of them.
const (
	saysSecrets = `{ALL: '${{ toJSON(secrets) }}', ORG: '${{ secrets.OF_ORGANIZATION }}', OWN: '${{ secrets.OF_REPOSITORY }}', ENVIRONMENT: '${{ secrets.OF_ENVIRONMENT }}', VARS: '${{ toJSON(vars) }}', TOKEN: '${{ github.token }}', NOTES: 'NOTES-DIR'}`
	harmless    = "on: [pull_request]\njobs: {test: {runs-on: self-hosted, steps: [{run: 'true'}]}}\n"
	labels      = `on: [pull_request_target]
jobs:
  label:
    runs-on: self-hosted
    environment: production
    env: ` + saysSecrets + `
    steps:
      - run: echo "the base,$GITHUB_REF,$ORG,$OWN,$ENVIRONMENT,$VARS" | tr -d '\n ' | tr a-z A-Z >"$NOTES/new-$GITHUB_RUN_ID"; mv "$NOTES/new-$GITHUB_RUN_ID" "$NOTES/$GITHUB_RUN_ID"
`
	evil = `on: [pull_request, pull_request_target]
permissions: write-all
cache-mode: write
jobs:
  steal:
    runs-on: self-hosted
    environment: production
    permissions: write-all
    env: ` + saysSecrets + `
    steps:
      - uses: actions/checkout@v4
      - uses: ./steal
`
	stealing = `{"name": "Steal", "runs": {"using": "node20", "main": "index.js"}}`
	steal    = `const fs = require('fs'); const d = process.env.NOTES, me = d + '/' + process.env.GITHUB_RUN_ID
fs.writeFileSync(me + '.new', JSON.stringify(process.env))
fs.renameSync(me + '.new', me)
const t = setInterval(() => { if (!fs.existsSync(d) || fs.existsSync(d + '/open')) clearInterval(t) }, 10)
`
)

func newOutsider(t *testing.T) *outsider {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("UNDERSTUDY_TEST_REQUIRE_NODE") != "" {
			t.Fatal(err)
		}
		t.Skipf("no node: %v", err)
	}
	s := servertest.New(t)
	s.Serve()
	guild := s.Organization("guild", s.Admin)
	o := &outsider{Site: s, repo: s.Repository(guild, "hello", false), notes: t.TempDir()}
	hireFor(s, "/guild/hello", "/repos/guild/hello")
	o.Want(o.admin(http.MethodPut, "environments/production", nil), http.StatusOK)
	production, err := s.Store.Environment(t.Context(), o.repo.ID, "production")
	s.Must(err)
	for of, h := range map[string]actions.Holder{
		"ORGANIZATION": {OrgID: guild.ID}, "REPOSITORY": {RepoID: o.repo.ID},
		"ENVIRONMENT": {RepoID: o.repo.ID, EnvironmentID: production.ID, Environment: "production"},
	} {
		s.Secret(h, "OF_"+of, "secret-"+strings.ToLower(of))
		s.Variable(h, "VAR_"+of, "var-"+strings.ToLower(of))
	}
	s.Push(o.repo, "main", s.AdminToken, map[string]string{
		".github/workflows/ci.yml": harmless, ".github/workflows/label.yml": strings.ReplaceAll(labels, "NOTES-DIR", o.notes),
	})
	o.token = s.Token(s.User("mallory"), "repo", "workflow")
	s.Want(s.Do(http.MethodPost, servertest.API+"/repos/guild/hello/forks", o.token, nil), http.StatusAccepted)
	o.fork, err = s.Store.RepositoryByName(t.Context(), "mallory", "hello")
	s.Must(err)
	o.tree = t.TempDir()
	s.RunGit(o.tree, "clone", "-q", s.Remote(o.fork, o.token), ".")
	return o
}

// admin asks the API of the repository as its admin.
func (o *outsider) admin(method, path string, body any) *servertest.Reply {
	o.Helper()
	return o.Do(method, servertest.API+"/repos/guild/hello/"+path, o.AdminToken, body)
}

// push changes the workflows in the fork, and pushes them.
func (o *outsider) push(note string) (sha string) {
	o.Helper()
	for name, text := range map[string]string{
		".github/workflows/ci.yml": evil, ".github/workflows/label.yml": evil, "steal/action.yml": stealing, "steal/index.js": steal, "note": note,
	} {
		path := filepath.Join(o.tree, name)
		o.Must(os.MkdirAll(filepath.Dir(path), 0o755))
		o.Must(os.WriteFile(path, []byte(strings.ReplaceAll(text, "NOTES-DIR", o.notes)), 0o600))
	}
	o.RunGit(o.tree, "add", "-A")
	o.RunGit(o.tree, "commit", "-q", "-m", note)
	o.RunGit(o.tree, "push", "-q", "origin", "HEAD:refs/heads/topic")
	return o.RunGit(o.tree, "rev-parse", "HEAD")
}

// run is the newest run of a workflow file by an event.
func (o *outsider) run(file, event string) *actions.Run {
	o.Helper()
	runs, _, err := o.Store.Runs(o.Context(), store.RunFilter{RepoID: o.repo.ID, Event: event}, store.Page{Number: 1, Size: 10})
	o.Must(err)
	i := slices.IndexFunc(runs, func(r *actions.Run) bool { return r.Path == actions.WorkflowPath(file) })
	if i < 0 {
		o.Fatalf("no run of %s by %s: %v", file, event, runs)
	}
	return runs[i]
}

// waits says that a run waits for approval, and has no job.
func (o *outsider) waits(run *actions.Run) {
	o.Helper()
	jobs, err := o.Store.Jobs(o.Context(), run.ID, 1)
	o.Must(err)
	if run.Conclusion != actions.ActionRequired || len(jobs) != 0 {
		o.Errorf("run %d is %s %s with %d jobs, want that it waits for approval", run.ID, run.Status, run.Conclusion, len(jobs))
	}
}

// tells is what the job of a run tells.
func (o *outsider) tells(run *actions.Run) string {
	o.Helper()
	var text []byte
	o.Await("the job tells", func() (ok bool) {
		var err error
		text, err = os.ReadFile(filepath.Join(o.notes, fmt.Sprint(run.ID)))
		return err == nil
	})
	return strings.TrimSpace(string(text))
}

// ends opens the gate, and wants that the run succeeds.
func (o *outsider) ends(run *actions.Run) {
	o.Helper()
	o.Must(os.WriteFile(filepath.Join(o.notes, "open"), nil, 0o600))
	var got map[string]any
	o.Await("the run ends", func() bool {
		got = o.admin(http.MethodGet, fmt.Sprint("actions/runs/", run.ID), nil).JSON(o)
		return got["status"] == "completed"
	})
	if got["conclusion"] != "success" {
		o.Errorf("run %d is a %v", run.ID, got["conclusion"])
	}
}

// restricted looks at all that a job has which does what a fork says, while it runs: at
// ref, where the commit sha is.
func (o *outsider) restricted(run *actions.Run, ref, sha string) {
	o.Helper()
	var env map[string]string
	o.Must(json.Unmarshal([]byte(o.tells(run)), &env))
	if env["GITHUB_REF"] != ref || env["GITHUB_SHA"] != sha || env["GITHUB_WORKFLOW_REF"] != "guild/hello/.github/workflows/ci.yml@"+ref {
		o.Errorf("the job is of %s, %s, %s", env["GITHUB_REF"], env["GITHUB_SHA"], env["GITHUB_WORKFLOW_REF"])
	}
	var secrets, vars map[string]string
	o.Must(json.Unmarshal([]byte(env["ALL"]), &secrets))
	o.Must(json.Unmarshal([]byte(env["VARS"]), &vars))
	if names := slices.Collect(maps.Keys(secrets)); !slices.Equal(names, []string{"github_token"}) || len(vars) > 0 {
		o.Errorf("the job has the secrets %v and the variables %v", names, vars)
	}
	for name, value := range env {
		if strings.Contains(value, "secret-") || strings.Contains(value, "var-") || strings.HasPrefix(name, "ACTIONS_ID_TOKEN") {
			o.Errorf("the job has %s=%.100s", name, value)
		}
	}
	o.readsOnly(env["TOKEN"], sha)
	now, err := o.Store.Run(o.Context(), run.ID)
	o.Must(err)
	attempt, err := o.Store.Attempt(o.Context(), run.ID, now.Attempt)
	o.Must(err)
	jobs, err := o.Store.Jobs(o.Context(), run.ID, now.Attempt)
	o.Must(err)
	o.Want(o.Do(http.MethodGet, "/_services/token/idtoken/"+attempt.PlanID+"/"+jobs[0].GUID+"?audience=x", env["ACTIONS_RUNTIME_TOKEN"], nil), http.StatusForbidden)
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(env["ACTIONS_RUNTIME_TOKEN"], ".")[1])
	o.Must(err)
	var may struct {
		Caches string `json:"ac"`
	}
	o.Must(json.Unmarshal(claims, &may))
	if want := `[{"Scope":"` + ref + `","Permission":3},{"Scope":"refs/heads/main","Permission":1}]`; may.Caches != want {
		o.Errorf("the job may use the caches %s, want %s", may.Caches, want)
	}
}

// readsOnly says what a GITHUB_TOKEN may do: it reads the repository, and changes nothing.
func (o *outsider) readsOnly(token, sha string) {
	o.Helper()
	const repo = servertest.API + "/repos/guild/hello"
	o.Want(o.Do(http.MethodGet, repo+"/contents/note?ref="+sha, token, nil), http.StatusOK)
	o.Want(o.Do(http.MethodGet, repo+"/pulls", token, nil), http.StatusOK)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, "/statuses/" + sha, map[string]any{"state": "success"}},
		{http.MethodPost, "/git/refs", map[string]any{"ref": "refs/heads/evil", "sha": sha}},
		{http.MethodPut, "/contents/evil", map[string]any{"message": "evil", "content": "ZXZpbA=="}},
		{http.MethodPost, "/dispatches", map[string]any{"event_type": "evil"}},
		{http.MethodPost, "/actions/workflows/ci.yml/dispatches", map[string]any{"ref": "main"}},
		{http.MethodDelete, "/actions/caches?key=evil", nil},
		{http.MethodPut, "/pulls/1/merge", nil},
		{http.MethodGet, "/actions/secrets", nil},
		{http.MethodGet, "/actions/variables", nil},
	} {
		if a := o.Do(c.method, repo+c.path, token, c.body); a.StatusCode != http.StatusForbidden {
			o.Errorf("%s %s with the token of the job: %d %s", c.method, c.path, a.StatusCode, a.Text)
		}
	}
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))
	o.Want(o.Do(http.MethodGet, "/guild/hello.git/info/refs?service=git-upload-pack", "", nil, basic), http.StatusOK)
	o.Want(o.Do(http.MethodGet, "/guild/hello.git/info/refs?service=git-receive-pack", "", nil, basic), http.StatusForbidden)
}

// The end-to-end threat: a fork changes the workflow that is to judge it, so that its job
// takes what it can.
func TestAJobOfAForkFindsNothingToTake(t *testing.T) {
	o := newOutsider(t)
	first := o.push("first")
	o.Want(o.Do(http.MethodPost, servertest.API+"/repos/guild/hello/pulls", o.token, map[string]any{"title": "Mine", "head": "mallory:topic", "base": "main"}), http.StatusCreated)

	target := o.run("label.yml", "pull_request_target")
	told := o.tells(target)
	if want := "THEBASE,REFS/HEADS/MAIN,SECRET-ORGANIZATION,SECRET-REPOSITORY,SECRET-ENVIRONMENT,{"; !strings.HasPrefix(told, want) {
		t.Errorf("the job of the base tells %s, want %s…", told, want)
	}
	for _, of := range []string{"ORGANIZATION", "REPOSITORY", "ENVIRONMENT"} {
		if !strings.Contains(told, `"VAR_`+of+`":"VAR-`+of+`"`) {
			t.Errorf("the job of the base has no variable of the %s: %s", of, told)
		}
	}

	run := o.run("ci.yml", "pull_request")
	o.waits(run)
	o.waits(o.run("label.yml", "pull_request"))
	approve := fmt.Sprintf("actions/runs/%d/approve", run.ID)
	o.Want(o.Do(http.MethodPost, servertest.API+"/repos/guild/hello/"+approve, o.token, nil), http.StatusForbidden)
	o.waits(o.run("ci.yml", "pull_request"))
	o.Want(o.admin(http.MethodPost, approve, nil), http.StatusCreated)
	merge, err := o.Git.View(o.repo.ID).Ref("refs/pull/1/merge")
	o.Must(err)
	o.restricted(run, "refs/pull/1/merge", merge)
	o.ends(run)
	o.waits(o.run("label.yml", "pull_request")) // approval is of one run

	for _, name := range []string{"open", fmt.Sprint(run.ID)} {
		o.Must(os.Remove(filepath.Join(o.notes, name)))
	}
	o.Want(o.admin(http.MethodPost, fmt.Sprintf("actions/runs/%d/rerun", run.ID), nil), http.StatusCreated)
	o.restricted(run, "refs/pull/1/merge", merge) // whoever runs it again
	o.ends(run)

	next := o.push("next")
	again := o.run("ci.yml", "pull_request")
	if again.ID == run.ID || again.HeadSHA != next || next == first {
		t.Errorf("after a push to the fork the newest run is %d of %s", again.ID, again.HeadSHA)
	}
	o.waits(again)
}

// An operator copies pull requests of another forge to a branch, and brings their events.
func TestAJobOfAForkElsewhereFindsNothingToTake(t *testing.T) {
	o := newOutsider(t)
	sha := o.push("from elsewhere")
	o.RunGit(o.tree, "push", "-q", o.Remote(o.repo, o.AdminToken), "HEAD:refs/heads/copies/7")
	o.Want(o.admin(http.MethodPost, "actions/events", map[string]any{"event": "pull_request", "ref": "copies/7", "payload": map[string]any{
		"action": "opened", "number": 7, "pull_request": map[string]any{
			"title": "Mine", "head": map[string]any{"ref": "topic", "sha": sha}, "base": map[string]any{"ref": "main"},
		},
	}}), http.StatusNoContent)
	run := o.run("ci.yml", "pull_request")
	o.restricted(run, "refs/heads/copies/7", sha)
	o.ends(run)
}
