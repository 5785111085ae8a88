package e2e_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheFirstPushMakesItsBranchTheDefault(t *testing.T) {
	t.Parallel()
	r := startServer(t).newRepository("hello")
	r.commit(".github/workflows/ci.yml", `
on: [push, workflow_dispatch]
jobs:
  one:
    if: github.event.repository.default_branch == 'trunk'
    runs-on: ubuntu-latest
    steps: [{run: exit 0}]
`)
	r.push("HEAD:trunk")
	var repo struct {
		Branch string `json:"default_branch"`
	}
	r.do(http.MethodGet, r.api, nil, &repo)
	if repo.Branch != "trunk" {
		t.Errorf("the default branch is %s, want trunk", repo.Branch)
	}
	r.await(r.runAt(".github/workflows/ci.yml", "push"), "success")
	r.do(http.MethodPost, r.api+"/actions/workflows/ci.yml/dispatches", map[string]string{"ref": "trunk"}, nil)
	r.await(r.runAt(".github/workflows/ci.yml", "workflow_dispatch"), "success")
	dir := filepath.Join(t.TempDir(), "copy")
	r.mustGit("clone", "--quiet", strings.TrimSpace(r.mustGit("remote", "get-url", "origin")), dir)
	if branch := strings.TrimSpace(r.mustGit("-C", dir, "branch", "--show-current")); branch != "trunk" {
		t.Errorf("a clone is on branch %s, want trunk", branch)
	}
}
