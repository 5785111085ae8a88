package shape

import "github.com/understudy-ci/understudy/internal/actions"

// A SimpleStatus is what a tool says of a commit, in the combined view.
type SimpleStatus struct {
	URL         string  `json:"url"`
	AvatarURL   string  `json:"avatar_url"`
	ID          int64   `json:"id"`
	NodeID      string  `json:"node_id"`
	State       string  `json:"state"`
	Description *string `json:"description"`
	TargetURL   *string `json:"target_url"`
	Context     string  `json:"context"`
	CreatedAt   string  `json:"created_at"`
	UpdatedAt   string  `json:"updated_at"`
}

// NewSimpleStatus is the object for a status of a repository.
func NewSimpleStatus(b Base, r *actions.Repository, s *actions.CommitStatus) *SimpleStatus {
	return &SimpleStatus{
		URL:         b.API + "/repos/" + r.FullName() + "/statuses/" + s.SHA,
		AvatarURL:   avatar(b, &s.Creator),
		ID:          s.ID,
		NodeID:      NodeID("StatusContext", s.ID),
		State:       string(s.State),
		Description: Null(s.Description),
		TargetURL:   Null(s.TargetURL),
		Context:     s.Context,
		CreatedAt:   Time(s.CreatedAt),
		UpdatedAt:   Time(s.CreatedAt),
	}
}

// A Status is what a tool says of a commit, and who set it.
type Status struct {
	SimpleStatus
	Creator *SimpleUser `json:"creator"`
}

// NewStatus is the object for a status of a repository.
func NewStatus(b Base, r *actions.Repository, s *actions.CommitStatus) *Status {
	return &Status{*NewSimpleStatus(b, r, s), NewSimpleUser(b, &s.Creator)}
}
