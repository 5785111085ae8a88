package shape

import (
	"encoding/json"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Deployment asks somebody to bring a commit to an environment.
type Deployment struct {
	URL                   string          `json:"url"`
	ID                    int64           `json:"id"`
	NodeID                string          `json:"node_id"`
	SHA                   string          `json:"sha"`
	Ref                   string          `json:"ref"`
	Task                  string          `json:"task"`
	Payload               json.RawMessage `json:"payload"`
	OriginalEnvironment   string          `json:"original_environment"`
	Environment           string          `json:"environment"`
	Description           *string         `json:"description"`
	Creator               *SimpleUser     `json:"creator"`
	CreatedAt             string          `json:"created_at"`
	UpdatedAt             string          `json:"updated_at"`
	StatusesURL           string          `json:"statuses_url"`
	RepositoryURL         string          `json:"repository_url"`
	TransientEnvironment  bool            `json:"transient_environment"`
	ProductionEnvironment bool            `json:"production_environment"`
}

func deploymentURL(b Base, r *actions.Repository, id int64) string {
	return b.API + "/repos/" + r.FullName() + "/deployments/" + strconv.FormatInt(id, 10)
}

// NewDeployment is the object for a deployment.
func NewDeployment(b Base, r *actions.Repository, d *actions.Deployment) *Deployment {
	url := deploymentURL(b, r, d.ID)
	return &Deployment{
		URL:                   url,
		ID:                    d.ID,
		NodeID:                NodeID("Deployment", d.ID),
		SHA:                   d.SHA,
		Ref:                   d.Ref,
		Task:                  d.Task,
		Payload:               d.Payload,
		OriginalEnvironment:   d.Original,
		Environment:           d.Environment,
		Description:           Null(d.Description),
		Creator:               NewSimpleUser(b, &d.Creator),
		CreatedAt:             Time(d.CreatedAt),
		UpdatedAt:             Time(d.UpdatedAt),
		StatusesURL:           url + "/statuses",
		RepositoryURL:         b.API + "/repos/" + r.FullName(),
		TransientEnvironment:  d.Transient,
		ProductionEnvironment: d.Production,
	}
}

// A DeploymentStatus is what somebody says of a deployment.
type DeploymentStatus struct {
	URL            string      `json:"url"`
	ID             int64       `json:"id"`
	NodeID         string      `json:"node_id"`
	State          string      `json:"state"`
	Creator        *SimpleUser `json:"creator"`
	Description    string      `json:"description"`
	Environment    string      `json:"environment"`
	TargetURL      string      `json:"target_url"`
	CreatedAt      string      `json:"created_at"`
	UpdatedAt      string      `json:"updated_at"`
	DeploymentURL  string      `json:"deployment_url"`
	RepositoryURL  string      `json:"repository_url"`
	EnvironmentURL string      `json:"environment_url"`
	LogURL         string      `json:"log_url"`
}

// NewDeploymentStatus is the object for a status of a deployment.
func NewDeploymentStatus(b Base, r *actions.Repository, s *actions.DeploymentStatus) *DeploymentStatus {
	of := deploymentURL(b, r, s.DeploymentID)
	return &DeploymentStatus{
		URL:            of + "/statuses/" + strconv.FormatInt(s.ID, 10),
		ID:             s.ID,
		NodeID:         NodeID("DeploymentStatus", s.ID),
		State:          string(s.State),
		Creator:        NewSimpleUser(b, &s.Creator),
		Description:    s.Description,
		Environment:    s.Environment,
		TargetURL:      s.LogURL,
		CreatedAt:      Time(s.CreatedAt),
		UpdatedAt:      Time(s.CreatedAt),
		DeploymentURL:  of,
		RepositoryURL:  b.API + "/repos/" + r.FullName(),
		EnvironmentURL: s.EnvironmentURL,
		LogURL:         s.LogURL,
	}
}
