package actions

import (
	"net/url"
	"time"
	"unicode/utf8"
)

// A Deployment asks somebody to bring a commit to an environment.
type Deployment struct {
	ID          int64
	RepoID      int64
	SHA         string
	Ref         string // as it was asked for: a branch, a tag or a SHA
	FullRef     string // of the branch or tag, empty for a SHA
	Task        string
	Environment string
	Original    string // environment, which a status may have changed
	Description string
	Payload     []byte // JSON: an object or a text
	Transient   bool   // the environment will be gone some day
	Production  bool   // people use the environment
	Creator     Account
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// A DeploymentState is how far a deployment is, in GitHub's words.
type DeploymentState string

// The states of deployments.
const (
	DeploymentError      DeploymentState = "error"
	DeploymentFailure    DeploymentState = "failure"
	DeploymentInactive   DeploymentState = "inactive" // something else is in the environment
	DeploymentInProgress DeploymentState = "in_progress"
	DeploymentQueued     DeploymentState = "queued"
	DeploymentPending    DeploymentState = "pending"
	DeploymentSuccess    DeploymentState = "success"
)

// A DeploymentStatus is what somebody says of a deployment; the newest one counts.
type DeploymentStatus struct {
	ID             int64
	DeploymentID   int64
	State          DeploymentState
	Description    string
	Environment    string
	EnvironmentURL string
	LogURL         string
	Creator        Account
	CreatedAt      time.Time
}

const (
	deploymentResource       = "Deployment"
	deploymentStatusResource = "DeploymentStatus"
	maxTask                  = 128
	maxDeploymentText        = 140
	maxDeploymentPayload     = 65_536 // bytes
)

// Check refuses a deployment that cannot be.
func (d *Deployment) Check() error {
	switch {
	case d.Task == "" || utf8.RuneCountInString(d.Task) > maxTask || CheckLine("task", d.Task) != nil:
		return BadField(deploymentResource, "task")
	case utf8.RuneCountInString(d.Description) > maxDeploymentText:
		return InField(deploymentResource, "description", Errorf(Invalid, "description is too long (maximum is %d characters)", maxDeploymentText))
	case len(d.Payload) > maxDeploymentPayload:
		return InField(deploymentResource, "payload", Errorf(Invalid, "payload is too long (maximum is %d bytes)", maxDeploymentPayload))
	}
	if err := CheckLine("description", d.Description); err != nil {
		return InField(deploymentResource, "description", err)
	}
	return InField(deploymentResource, "environment", CheckEnvironmentName(d.Environment))
}

// Check refuses a status that cannot be.
func (s *DeploymentStatus) Check() error {
	switch s.State {
	case DeploymentError, DeploymentFailure, DeploymentInactive, DeploymentInProgress, DeploymentQueued, DeploymentPending, DeploymentSuccess:
	case "":
		return Missing(deploymentStatusResource, "state")
	default:
		return InField(deploymentStatusResource, "state", Errorf(Invalid, "state is not included in the list"))
	}
	if utf8.RuneCountInString(s.Description) > maxDeploymentText {
		return InField(deploymentStatusResource, "description", Errorf(Invalid, "description is too long (maximum is %d characters)", maxDeploymentText))
	}
	if err := CheckLine("description", s.Description); err != nil {
		return InField(deploymentStatusResource, "description", err)
	}
	for field, text := range map[string]string{"environment_url": s.EnvironmentURL, "log_url": s.LogURL} {
		if u, err := url.Parse(text); text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(text) > maxStatusURL) {
			return InField(deploymentStatusResource, field, Errorf(Invalid, "%s must use http(s) scheme", field))
		}
	}
	return InField(deploymentStatusResource, "environment", CheckEnvironmentName(s.Environment))
}
