package rest

import (
	"strconv"

	"github.com/understudy-ci/understudy/internal/shape"
)

// RepoURL is where the API has the call's repository.
func (c *Call) RepoURL() string { return c.Base.API + "/repos/" + c.Repo.FullName() }

// RepoHTML is where people see the call's repository.
func (c *Call) RepoHTML() string { return c.Base.HTML + "/" + c.Repo.FullName() }

// WorkflowURL is where the API has a workflow of the call's repository.
func (c *Call) WorkflowURL(id int64) string {
	return c.Base.API + "/repos/" + c.Repo.FullName() + "/actions/workflows/" + strconv.FormatInt(id, 10)
}

// RunURL is where the API has a run of the call's repository.
func (c *Call) RunURL(id int64) string {
	return c.Base.API + "/repos/" + c.Repo.FullName() + "/actions/runs/" + strconv.FormatInt(id, 10)
}

// RunHTML is where people see a run of the call's repository.
func (c *Call) RunHTML(id int64) string {
	return shape.RunHTML(c.Base, c.Repo, id)
}

// SuiteURL is where the API has the check suite of a run, which has the run's id.
func (c *Call) SuiteURL(runID int64) string {
	return c.Base.API + "/repos/" + c.Repo.FullName() + "/check-suites/" + strconv.FormatInt(runID, 10)
}
