package event

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A Status is what only a status has.
type Status struct {
	Status   *actions.CommitStatus
	Commit   *actions.Commit
	Parents  []string
	Branches []string // that stand at the commit

	Protected map[string]bool // by the names of those that are protected
}

type statusBranch struct {
	Name      string           `json:"name"`
	Commit    shape.ObjectLink `json:"commit"`
	Protected bool             `json:"protected"`
}

// A statusPayload is github.event of a status (TRG-3).
type statusPayload struct {
	ID           int64                     `json:"id"`
	SHA          string                    `json:"sha"`
	Name         string                    `json:"name"`
	TargetURL    *string                   `json:"target_url"`
	AvatarURL    string                    `json:"avatar_url"`
	Context      string                    `json:"context"`
	Description  *string                   `json:"description"`
	State        string                    `json:"state"`
	Commit       *shape.FullCommit         `json:"commit"`
	Branches     []statusBranch            `json:"branches"`
	CreatedAt    string                    `json:"created_at"`
	UpdatedAt    string                    `json:"updated_at"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
}

func newStatus(e *Event) any {
	s := shape.NewSimpleStatus(e.Base, e.Repo, e.Status.Status)
	p := &statusPayload{
		ID: s.ID, SHA: e.Status.Status.SHA, Name: e.Repo.FullName(), TargetURL: s.TargetURL, AvatarURL: s.AvatarURL, Context: s.Context,
		Description: s.Description, State: s.State, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Branches: []statusBranch{},
		Commit:     shape.NewFullCommit(e.Base, e.Repo, e.Status.Commit, e.Status.Parents),
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
	for _, name := range e.Status.Branches {
		p.Branches = append(p.Branches, statusBranch{Name: name, Commit: shape.ObjectLink{SHA: p.SHA, URL: p.Commit.URL}, Protected: e.Status.Protected[name]})
	}
	return p
}
