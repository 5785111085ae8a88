package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A guild is an organization with a repository, whose workflow writes down which secrets
// its job has, and a runner.
type guild struct {
	*servertest.Site
	repo  *actions.Repository
	notes string // a directory with a file per run
	count int    // of pushes
}

func newGuild(t *testing.T) *guild {
	t.Helper()
	s := servertest.New(t)
	s.Serve()
	g := &guild{Site: s, repo: s.Repository(s.Organization("guild", s.Admin), "hello", true), notes: t.TempDir()}
	hireFor(s, "/guild", "/orgs/guild")
	return g
}

// does changes something of the API.
func (g *guild) does(method, path string, body any) {
	g.Helper()
	if a := g.Do(method, servertest.API+path, g.AdminToken, body); a.StatusCode >= http.StatusBadRequest {
		g.Fatalf("%s %s: %d %s", method, path, a.StatusCode, a.Text)
	}
}

// push pushes the workflow to a new branch, and returns the run that this made, 0 for none.
func (g *guild) push() (run int64) {
	g.Helper()
	before := g.newest()
	branch := "main"
	if g.count++; g.count > 1 {
		branch = fmt.Sprint("branch-", g.count)
	}
	g.Push(g.repo, branch, g.AdminToken, map[string]string{"README.md": fmt.Sprint(g.count), ".github/workflows/ci.yml": fmt.Sprintf(`
on: push
jobs:
  build:
    runs-on: self-hosted
    env: {ONE: '${{ secrets.OF_ORGANIZATION }}', OTHER: '${{ secrets.OF_REPOSITORY }}'}
    steps:
      - run: echo "$ONE,$OTHER" | tr a-z A-Z >'%s/${{ github.run_id }}'
`, g.notes)})
	if now := g.newest(); now != before {
		return now
	}
	return 0
}

func (g *guild) newest() int64 {
	g.Helper()
	runs, _, err := g.Store.Runs(g.Context(), store.RunFilter{RepoID: g.repo.ID}, store.Page{Number: 1, Size: 1})
	g.Must(err)
	if len(runs) == 0 {
		return 0
	}
	return runs[0].ID
}

// secrets are those that the job of a new run has.
func (g *guild) secrets() string {
	g.Helper()
	run := g.push()
	g.ended(run)
	text, err := os.ReadFile(filepath.Join(g.notes, fmt.Sprint(run)))
	g.Must(err)
	return strings.TrimSpace(string(text))
}

// ended waits for the end of a run, which says how long it took.
func (g *guild) ended(run int64) {
	g.Helper()
	path := fmt.Sprintf("%s/repos/guild/hello/actions/runs/%d", servertest.API, run)
	g.Await("the run ends", func() bool { return g.Do(http.MethodGet, path, g.AdminToken, nil).JSON(g)["status"] == "completed" })
	if ms, _ := g.Do(http.MethodGet, path+"/timing", g.AdminToken, nil).JSON(g)["run_duration_ms"].(float64); ms <= 0 {
		g.Errorf("run %d took %v ms", run, ms)
	}
}

func TestAJobHasTheSecretsThatItsOrganizationLendsIt(t *testing.T) {
	g := newGuild(t)
	g.Secret(actions.Holder{OrgID: g.repo.Owner.ID}, "OF_ORGANIZATION", "lent")
	g.Secret(actions.Holder{RepoID: g.repo.ID}, "OF_REPOSITORY", "own")
	const ofOrganization = "/orgs/guild/actions/secrets/OF_ORGANIZATION"
	one := fmt.Sprint(ofOrganization, "/repositories/", g.repo.ID)
	for _, step := range []struct {
		method, path string
		body         any
		want         string
	}{
		{http.MethodPut, ofOrganization, map[string]any{"visibility": "selected", "selected_repository_ids": []int64{}}, ",OWN"},
		{http.MethodPut, one, nil, "LENT,OWN"},
		{http.MethodDelete, one, nil, ",OWN"},
		{http.MethodPut, ofOrganization + "/repositories", map[string]any{"selected_repository_ids": []int64{g.repo.ID}}, "LENT,OWN"},
		{http.MethodDelete, "/repos/guild/hello/actions/secrets/OF_REPOSITORY", nil, "LENT,"},
		{http.MethodDelete, ofOrganization, nil, ","},
	} {
		g.does(step.method, step.path, step.body)
		if got := g.secrets(); got != step.want {
			t.Errorf("after %s %s the job has %q, want %q", step.method, step.path, got, step.want)
		}
	}
}

func TestAPushRunsWhereAnOrganizationEnablesActions(t *testing.T) {
	g := newGuild(t)
	const permissions, workflow = "/orgs/guild/actions/permissions", "/repos/guild/hello/actions/workflows/ci.yml"
	list := permissions + "/repositories"
	one := fmt.Sprint(list, "/", g.repo.ID)
	for _, step := range []struct {
		method, path string
		body         any
		runs         bool
	}{
		{http.MethodPut, permissions, map[string]any{"enabled_repositories": "selected"}, false},
		{http.MethodPut, one, nil, true},
		{http.MethodDelete, one, nil, false},
		{http.MethodPut, list, map[string]any{"selected_repository_ids": []int64{g.repo.ID}}, true},
		{http.MethodPut, workflow + "/disable", nil, false},
		{http.MethodPut, workflow + "/enable", nil, true},
	} {
		g.does(step.method, step.path, step.body)
		if !step.runs {
			if run := g.push(); run != 0 {
				t.Errorf("after %s %s a push makes run %d", step.method, step.path, run)
			}
		} else if got := g.secrets(); got != "," {
			t.Errorf("after %s %s the job has %q", step.method, step.path, got)
		}
	}
}

func TestARunUsesOnlyActionsThatItsOrganizationSelects(t *testing.T) {
	g := newGuild(t)
	const permissions, file = "/orgs/guild/actions/permissions", ".github/workflows/ci.yml"
	push := func() string {
		g.count++
		g.Push(g.repo, fmt.Sprint("branch-", g.count), g.AdminToken, map[string]string{"n": fmt.Sprint(g.count), file: `
on: push
jobs: {build: {runs-on: self-hosted, steps: [{uses: actions/checkout@v4}, {run: test -e n}]}}
`})
		run := g.newest()
		path := fmt.Sprintf("%s/repos/guild/hello/actions/runs/%d", servertest.API, run)
		var conclusion string
		g.Await("the run ends", func() bool {
			conclusion, _ = g.Do(http.MethodGet, path, g.AdminToken, nil).JSON(g)["conclusion"].(string)
			return conclusion != ""
		})
		return conclusion
	}
	g.does(http.MethodPut, permissions, map[string]any{"enabled_repositories": "all", "allowed_actions": "selected"})
	for _, step := range []struct {
		selected map[string]any
		want     string
	}{
		{map[string]any{"github_owned_allowed": false}, "startup_failure"},
		{map[string]any{"github_owned_allowed": false, "patterns_allowed": []string{"actions/checkout@*"}}, "success"},
		{map[string]any{"github_owned_allowed": true, "patterns_allowed": []string{"!actions/checkout@v4"}}, "startup_failure"},
		{map[string]any{"github_owned_allowed": true, "patterns_allowed": []string{}}, "success"},
	} {
		g.does(http.MethodPut, permissions+"/selected-actions", step.selected)
		if got := push(); got != step.want {
			t.Errorf("with %v the run is a %s, want %s", step.selected, got, step.want)
		}
	}
}

func TestAWorkflowIsTimedBySystemAsItsJobsRun(t *testing.T) {
	g := newGuild(t)
	billable := func() map[string]any {
		answer := g.Do(http.MethodGet, servertest.API+"/repos/guild/hello/actions/workflows/ci.yml/timing", g.AdminToken, nil).JSON(g)
		billable, _ := answer["billable"].(map[string]any)
		return billable
	}
	g.secrets()
	if got := billable(); len(got) != 0 {
		t.Errorf("after a job of a self-hosted runner: %v", got)
	}
	list, _, err := g.Store.Runners(g.Context(), actions.Scope{OwnerID: g.repo.Owner.ID}, "", store.Page{Number: 1, Size: 1})
	g.Must(err)
	g.does(http.MethodPost, fmt.Sprintf("/orgs/guild/actions/runners/%d/labels", list[0].ID), map[string]any{"labels": []string{"ubuntu-latest"}})
	g.Push(g.repo, "hosted", g.AdminToken, map[string]string{".github/workflows/ci.yml": `
on: push
jobs: {build: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}
`})
	g.ended(g.newest())
	if got := fmt.Sprint(billable()); got != "map[UBUNTU:map[total_ms:0]]" {
		t.Errorf("after a job of a system of GitHub's: %s", got)
	}
}

func TestAnotherRunnerDoesTheJobAfterAnOrganizationRemovedOne(t *testing.T) {
	g := newGuild(t)
	g.secrets()
	waits(g.Site)
	list, _, err := g.Store.Runners(g.Context(), actions.Scope{OwnerID: g.repo.Owner.ID}, "", store.Page{Number: 1, Size: 2})
	g.Must(err)
	g.does(http.MethodDelete, fmt.Sprint("/orgs/guild/actions/runners/", list[0].ID), nil)
	g.Await("the runner has gone", func() bool { return g.Queue.Idle() == 0 })
	run := g.push()
	hireFor(g.Site, "/guild", "/orgs/guild")
	g.ended(run)
	jobs, err := g.Store.Jobs(g.Context(), run, 1)
	g.Must(err)
	if jobs[0].RunnerID == 0 || jobs[0].RunnerID == list[0].ID {
		t.Errorf("runner %d did the job, want another one than %d, which was removed", jobs[0].RunnerID, list[0].ID)
	}
}
