package event

import (
	"encoding/json"

	"github.com/understudy-ci/understudy/internal/shape"
)

// A RepositoryDispatch is what only a repository_dispatch has. Its name is the action of
// the event.
type RepositoryDispatch struct {
	Payload []byte // that its caller gave, a JSON object; empty for none
}

// A repositoryDispatchPayload is github.event of a repository_dispatch (TRG-3).
type repositoryDispatchPayload struct {
	Action        string                    `json:"action"`
	Branch        string                    `json:"branch"`
	ClientPayload json.RawMessage           `json:"client_payload"`
	Repository    *shape.Repository         `json:"repository"`
	Organization  *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender        *shape.SimpleUser         `json:"sender"`
}

func newRepositoryDispatch(e *Event) any {
	p := &repositoryDispatchPayload{
		Action: e.Action, Branch: e.Repo.DefaultBranch, ClientPayload: json.RawMessage("null"),
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
	if len(e.RepositoryDispatch.Payload) > 0 {
		p.ClientPayload = e.RepositoryDispatch.Payload
	}
	return p
}
