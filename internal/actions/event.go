package actions

import "time"

// A RefUpdate is one ref that a push moves. A zero SHA stands for "is not there".
type RefUpdate struct {
	Ref    string `json:"ref"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// ZeroSHA is how git writes a commit that is not there.
const ZeroSHA = "0000000000000000000000000000000000000000"

// Created says whether the update makes the ref.
func (u RefUpdate) Created() bool { return u.Before == ZeroSHA }

// Deleted says whether the update removes the ref.
func (u RefUpdate) Deleted() bool { return u.After == ZeroSHA }

// A Push is the intent to move refs, written before they move. It stays until
// its runs are made, so that nothing that happens in between loses an event. It is
// settled when it is known what became of it: before the next push of its
// repository may move a ref, at the latest.
type Push struct {
	ID        int64
	RepoID    int64
	ActorID   int64
	ByJob     bool        // made with a job's token
	Updates   []RefUpdate // that are to be made; those that were, once it is settled
	Settled   bool
	CreatedAt time.Time
}
