package event

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A Deployment is what events of deployments have.
type Deployment struct {
	*actions.Deployment
	Status *actions.DeploymentStatus // of a deployment_status
}

// A deploymentPayload is github.event of a deployment, and of a status of one (TRG-3).
type deploymentPayload struct {
	Action       string                    `json:"action"`
	Status       *shape.DeploymentStatus   `json:"deployment_status,omitempty"`
	Deployment   *shape.Deployment         `json:"deployment"`
	Workflow     any                       `json:"workflow"`
	WorkflowRun  any                       `json:"workflow_run"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
}

func newDeployment(e *Event) any {
	p := &deploymentPayload{
		Action: "created", Deployment: shape.NewDeployment(e.Base, e.Repo, e.Deployment.Deployment),
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
	if e.Deployment.Status != nil {
		p.Status = shape.NewDeploymentStatus(e.Base, e.Repo, e.Deployment.Status)
	}
	return p
}
