package event

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A refPayload is github.event of a create or a delete (TRG-3).
type refPayload struct {
	Ref          string                    `json:"ref"`
	RefType      string                    `json:"ref_type"`
	MasterBranch string                    `json:"master_branch,omitempty"` // of a create
	Description  *string                   `json:"description,omitempty"`   // as above
	PusherType   string                    `json:"pusher_type"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
}

func newRef(e *Event) *refPayload {
	ref := e.Push.Update.Ref
	p := &refPayload{
		Ref: actions.ShortRef(ref), RefType: "branch", PusherType: "user",
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
	if strings.HasPrefix(ref, actions.TagPrefix) {
		p.RefType = "tag"
	}
	return p
}

func newCreate(e *Event) any {
	p := newRef(e)
	p.MasterBranch, p.Description = e.Repo.DefaultBranch, &e.Repo.Description
	return p
}

func newDelete(e *Event) any { return newRef(e) }

// organization is that which owns the repository of the event, nil for a user's.
func organization(e *Event) *shape.OrganizationSimple {
	if e.Repo.Owner.Type != actions.Organization {
		return nil
	}
	return shape.NewOrganizationSimple(e.Base, &e.Repo.Owner)
}
