package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// While an environment has a rule, a job that names it waits, says why, and no runner gets
// it, also after the server was killed. Other jobs of its run go on.
func TestAJobWaitsWhileItsEnvironmentHasARule(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r := s.newRepository("hello")
	const path = "/environments/production"
	r.do(http.MethodPut, r.api+path, map[string]any{"wait_timer": 30}, nil)
	one := r.pushWorkflow(`on: push
jobs:
  deploy:
    runs-on: ubuntu-latest
    environment: {name: Production, url: "https://example.com"}
    steps: [{run: "echo deployed to ${{ vars.PLACE }}"}]
  other:
    runs-on: ubuntu-latest
    steps: [{run: echo other}]
`)
	r.do(http.MethodPost, r.api+path+"/variables", map[string]any{"name": "PLACE", "value": "the right place"}, nil)
	find := func(name string) *job {
		t.Helper()
		for _, j := range r.jobs(one) {
			if j.Name == name {
				return &j
			}
		}
		t.Fatalf("the run has no job %s", name)
		return nil
	}
	until(t, "the other job does not end", func() bool { return find("other").Conclusion == "success" })
	r.kill()
	r.start()
	waits := find("deploy")
	if waits.Status != "queued" || waits.Runner != "" {
		t.Errorf("%+v", waits)
	}
	r.publish() // for its page
	r.page(fmt.Sprintf("/%s/actions/runs/%d/job/%d", r.name, one.ID, waits.ID)).has("the environment Production has protection rules")
	r.do(http.MethodPatch, r.api, map[string]any{"private": true}, nil)

	r.do(http.MethodPut, r.api+path, map[string]any{"wait_timer": 0}, nil)
	r.await(one, "success")
	if lines := r.log(find("deploy")); !slices.Contains(lines, "deployed to the right place") {
		t.Errorf("%q", lines)
	}
}
