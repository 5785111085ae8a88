package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A job that names a group waits for a runner of it, which may do the job, and says what
// is missing until there is one.
func TestAJobIsDoneByARunnerOfItsGroupThatMayDoIt(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0")
	r := s.organization("guild")
	s.newRunnerOf("guild", "box")
	r.publish() // for its pages, which nobody signs in for
	box := s.runners("/orgs/guild")[0].ID
	const groups = "/orgs/guild/actions/runner-groups"
	var x struct{ ID int64 }
	s.do(http.MethodPost, groups, map[string]any{"name": "X", "visibility": "selected", "allows_public_repositories": true}, &x)
	group := fmt.Sprint(groups, "/", x.ID)
	var repo struct{ ID int64 }
	s.do(http.MethodGet, r.api, nil, &repo)

	waits := func(one *run, why string) {
		t.Helper()
		j := r.job(one)
		if a := s.ask(s.token, http.MethodGet, fmt.Sprintf("%s/actions/jobs/%d", r.api, j.ID), nil).want(http.StatusOK, ""); !strings.Contains(a.header.Get("X-Understudy-Notice"), why) {
			t.Errorf("the API does not say %q: %q", why, a.header.Get("X-Understudy-Notice"))
		}
		s.page(fmt.Sprintf("/%s/actions/runs/%d", r.name, one.ID)).has(strings.ReplaceAll(why, "'", "&#39;"))
		if j.Status != "queued" {
			t.Errorf("the job is %s", j.Status)
		}
	}
	const text = "on: push\njobs:\n  only:\n    runs-on: {group: X, labels: mine}\n    steps: [{run: echo done}]\n"
	first := r.pushWorkflow(text)
	waits(first, "the runner group 'X' is for selected repositories, and this is none of them")
	s.do(http.MethodPut, fmt.Sprint(group, "/repositories/", repo.ID), nil, nil)
	s.page(fmt.Sprintf("/%s/actions/runs/%d", r.name, first.ID)).has("Waiting for a runner in the group &#39;X&#39; with mine: there is none")
	s.do(http.MethodPut, fmt.Sprint(group, "/runners/", box), nil, nil)
	r.conclude(first, "success")

	restrict := func(file string) {
		s.do(http.MethodPatch, group, map[string]any{"name": "X", "restricted_to_workflows": true, "selected_workflows": []string{"guild/hello/.github/workflows/" + file + "@main"}}, nil)
	}
	restrict("other.yml")
	second := r.pushWorkflow(text)
	waits(second, "the runner group 'X' is for selected workflows, and this is none of them")
	restrict("ci.yml")
	r.conclude(second, "success")

	s.do(http.MethodDelete, group, nil, nil)
	r.conclude(r.pushWorkflow(quick("mine")), "success")
	waits(r.pushWorkflow(text), "in the group 'X': this repository has no runner group of that name")
}
