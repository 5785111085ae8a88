package event

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A Check is what only a check_run and a check_suite have.
type Check struct {
	Run       *actions.CheckRun // of a check_run
	Suite     *actions.CheckSuite
	Requested string          // identifier of the action that somebody asks for
	Commit    *actions.Commit // of a check_suite
}

type checkRunWhole struct {
	*shape.CheckRun
	Actions []actions.CheckAction `json:"actions,omitempty"`
}

type requestedAction struct {
	Identifier string `json:"identifier"`
}

// A checkRunPayload is github.event of a check_run (TRG-3).
type checkRunPayload struct {
	Action       string                    `json:"action"`
	CheckRun     *checkRunWhole            `json:"check_run"`
	Requested    *requestedAction          `json:"requested_action,omitempty"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
}

func newCheckRun(e *Event) any {
	p := &checkRunPayload{
		Action:     e.Action,
		CheckRun:   &checkRunWhole{shape.NewCheckRun(e.Base, e.Repo, e.Check.Run, nil), e.Check.Run.Actions},
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
	suite := shape.NewCheckSuite(e.Base, e.Repo, e.Check.Suite, nil)
	suite.Repository = shape.NewMinimalRepository(e.Base, e.Repo)
	p.CheckRun.CheckSuite = suite
	if e.Check.Requested != "" {
		p.Requested = &requestedAction{e.Check.Requested}
	}
	return p
}

// A checkSuitePayload is github.event of a check_suite (TRG-3).
type checkSuitePayload struct {
	Action       string                    `json:"action"`
	CheckSuite   *shape.CheckSuite         `json:"check_suite"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
}

func newCheckSuite(e *Event) any {
	p := &checkSuitePayload{
		Action: e.Action, CheckSuite: shape.NewCheckSuite(e.Base, e.Repo, e.Check.Suite, nil),
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
	p.CheckSuite.HeadCommit = shape.NewSimpleCommit(e.Check.Commit)
	return p
}
