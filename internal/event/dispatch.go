package event

import (
	"encoding/json"

	"github.com/understudy-ci/understudy/internal/shape"
)

// A Dispatch is what only a workflow_dispatch has.
type Dispatch struct {
	Inputs []byte // all of them texts (TRG-12), a JSON object; empty for none
}

// A dispatchPayload is github.event of a workflow_dispatch (TRG-3).
type dispatchPayload struct {
	Inputs       json.RawMessage           `json:"inputs"`
	Ref          string                    `json:"ref"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
	Workflow     string                    `json:"workflow"`
}

func newDispatch(e *Event) any {
	p := &dispatchPayload{
		Inputs: json.RawMessage("null"), Ref: e.Ref, Workflow: e.Workflow,
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
	if len(e.Dispatch.Inputs) > 0 {
		p.Inputs = e.Dispatch.Inputs
	}
	return p
}
