package event

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// MaxChain is how many runs may follow a run, each started by the one before it (TRG-10).
const MaxChain = 3

// The activity types of a workflow_run.
const (
	RunRequested  = "requested"
	RunInProgress = "in_progress"
	RunCompleted  = "completed"
)

// A WorkflowRun is what only a workflow_run has: the run that got on, and its workflow.
type WorkflowRun struct {
	Run      *actions.Run
	Attempt  *actions.Attempt // as it was then
	Workflow *actions.Workflow
}

// A workflowRunPayload is github.event of a workflow_run (TRG-3).
type workflowRunPayload struct {
	Action       string                    `json:"action"`
	WorkflowRun  *shape.WorkflowRun        `json:"workflow_run"`
	Workflow     *shape.Workflow           `json:"workflow"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
}

func newWorkflowRun(e *Event) any {
	w := e.WorkflowRun
	run := shape.NewWorkflowRun(e.Base, w.Run, shape.NewMinimalRepository(e.Base, e.Repo))
	return &workflowRunPayload{
		Action: e.Action, WorkflowRun: run.At(e.Base, w.Attempt), Workflow: shape.NewWorkflow(e.Base, e.Repo, w.Workflow),
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
}
