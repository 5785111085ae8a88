package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Anybody with an account could have their code run here by a public repository.
func TestAPublicRepositoryHasNoRunnersOnceThereAreOthersUntilAnAdminAllowsIt(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1")
	open, hidden := s.newRepository("open"), s.newRepository("hidden")
	open.publish()
	open.conclude(open.pushWorkflow(quick("ubuntu-latest")), "success") // the operator is alone
	s.user("mona")
	barred := open.pushWorkflow(quick("ubuntu-latest"))
	hidden.conclude(hidden.pushWorkflow(quick("ubuntu-latest")), "success")

	job := open.job(barred)
	const why = "the runner group 'Default' does not allow them. An admin can set allows_public_repositories of the group"
	says := func() bool {
		a := s.ask(s.token, http.MethodGet, fmt.Sprintf("%s/actions/jobs/%d", open.api, job.ID), nil).want(http.StatusOK, "")
		return strings.Contains(a.header.Get("X-Understudy-Notice"), why)
	}
	if !says() {
		t.Error("the API does not say why the job waits")
	}
	page := fmt.Sprintf("/%s/actions/runs/%d", open.name, barred.ID)
	s.page(page).has(strings.ReplaceAll(why, "'", "&#39;"))
	if job.Status != "queued" {
		t.Errorf("the job is %s", job.Status)
	}
	s.do(http.MethodPatch, "/enterprises/understudy/actions/runner-groups/1", map[string]bool{"allows_public_repositories": true}, nil)
	open.conclude(barred, "success")
	if says() {
		t.Error("a job that is over waits")
	}
}

func TestAnOperatorAllowsPublicRepositoriesByAFlag(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1", "--allow-public-repositories")
	s.user("mona")
	r := s.newRepository("open")
	r.publish()
	r.conclude(r.pushWorkflow(quick("ubuntu-latest")), "success")
}
