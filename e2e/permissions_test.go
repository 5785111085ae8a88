package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A job that another one waits for runs while Actions is disabled. It ends, the next one
// waits and says why, and goes on when Actions is enabled.
func TestWhatWaitsWhileActionsIsDisabledGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	r := startServer(t).newRepository("hello")
	r.publish()
	g := newGate(t)
	one := r.pushWorkflow("on: push\njobs:\n  first:\n    runs-on: ubuntu-latest\n    steps: " + g.steps() +
		"\n  second:\n    needs: first\n    runs-on: ubuntu-latest\n    steps: [{run: echo done}]\n")
	g.pass(5)
	enable := func(enabled bool) {
		r.do(http.MethodPut, r.api+"/actions/permissions", map[string]bool{"enabled": enabled}, nil)
	}
	enable(false)
	g.open()
	jobs := func() []job {
		var v struct{ Jobs []job }
		r.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/jobs", r.api, one.ID), nil, &v)
		return v.Jobs
	}
	until(t, "the second job is not queued", func() bool { return len(jobs()) == 2 })
	if list := jobs(); list[0].Conclusion != "success" || list[1].Status != "queued" {
		t.Errorf("the jobs are %+v", list)
	}
	r.page(fmt.Sprintf("/%s/actions/runs/%d", r.name, one.ID)).has("Waiting until Actions is enabled: it has been disabled for this repository")
	sha := r.commit()
	r.push()
	enable(true)
	r.await(one, "success")
	for _, other := range r.runs() {
		if other.SHA == sha {
			t.Errorf("what was pushed meanwhile has run %d", other.ID)
		}
	}
}

// An action that is allowed uses another one that is not.
func TestActionsThatOthersUseMustBeAllowedToo(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.do(http.MethodPost, "/admin/organizations", map[string]string{"login": "tools", "admin": "admin"}, nil)
	s.actionRepository("stamp", stampAction, "main", "main:refs/tags/v1")
	s.actionRepository("outer", outerAction)
	r := s.newRepository("hello")
	r.do(http.MethodPut, r.api+"/actions/permissions", map[string]any{"enabled": true, "allowed_actions": "selected"}, nil)
	allow := func(patterns ...string) {
		r.do(http.MethodPut, r.api+"/actions/permissions/selected-actions", map[string]any{"patterns_allowed": patterns}, nil)
	}
	allow("tools/outer@*")
	const text = "on: push\njobs:\n  only:\n    runs-on: ubuntu-latest\n    steps: [{uses: tools/outer@main, with: {who: you}}]\n"
	j := r.conclude(r.pushWorkflow(text), "failure")
	const want = "The action tools/stamp@v1 is not allowed in admin/hello because all actions must be from a repository owned by admin or match the pattern: tools/outer@*."
	if notes, log := r.annotations(j), r.log(j); !slices.ContainsFunc(append(notes, log...), func(line string) bool { return strings.Contains(line, want) }) {
		t.Errorf("neither the annotations %q nor the log %q say why", notes, log)
	}
	allow("tools/*")
	r.conclude(r.pushWorkflow(text), "success")
	r.do(http.MethodPut, r.api+"/actions/permissions", map[string]any{"enabled": true, "sha_pinning_required": true}, nil)
	sha := r.commit()
	r.push()
	if one := r.runOf(sha); one.Status != "completed" || one.Conclusion != "startup_failure" {
		t.Errorf("a run that names no commit is %s %s", one.Status, one.Conclusion)
	}
}

// Without `permissions` in the workflow, the token of a job may what is the default.
func TestTokensOfJobsHaveTheDefaultPermissions(t *testing.T) {
	t.Parallel()
	r := startServer(t).newRepository("hello")
	for access, want := range map[string][]string{"read": {"Contents: read", "Packages: read"}, "write": {"Contents: write", "Packages: write"}} {
		r.do(http.MethodPut, r.api+"/actions/permissions/workflow", map[string]string{"default_workflow_permissions": access}, nil)
		log := r.log(r.conclude(r.pushWorkflow(workflow("ubuntu-latest", "[{run: echo done}]")), "success"))
		for _, line := range want {
			if !slices.Contains(log, line) {
				t.Errorf("%s: the log lacks %q: %q", access, line, log)
			}
		}
	}
}
