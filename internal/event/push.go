package event

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A Push is what only a push has: one ref that moved.
type Push struct {
	Update  actions.RefUpdate
	Commits []*actions.Commit // that it brought, oldest first, as far as they are listed
	Forced  bool              // commits that the ref had before are not among those that it has now
}

// A pushPayload is github.event of a push (TRG-3).
type pushPayload struct {
	Ref        string                `json:"ref"`
	Before     string                `json:"before"`
	After      string                `json:"after"`
	Repository *shape.PushRepository `json:"repository"`
	Pusher     shape.Person          `json:"pusher"`
	Sender     *shape.SimpleUser     `json:"sender"`
	Created    bool                  `json:"created"`
	Deleted    bool                  `json:"deleted"`
	Forced     bool                  `json:"forced"`
	BaseRef    *string               `json:"base_ref"`
	Compare    string                `json:"compare"`
	Commits    []*shape.PushCommit   `json:"commits"`
	HeadCommit *shape.PushCommit     `json:"head_commit"`
}

func newPush(e *Event) any {
	u := e.Push.Update
	p := &pushPayload{
		Ref: u.Ref, Before: u.Before, After: u.After, Created: u.Created(), Deleted: u.Deleted(), Forced: e.Push.Forced,
		Repository: shape.NewPushRepository(e.Base, e.Repo),
		Pusher:     shape.Person{Name: e.Actor.Login, Email: shape.NoReply(e.Base, e.Actor)},
		Sender:     shape.NewSimpleUser(e.Base, e.Actor),
		Compare:    e.Base.HTML + "/" + e.Repo.FullName() + "/compare/",
		Commits:    make([]*shape.PushCommit, 0, len(e.Push.Commits)),
		HeadCommit: shape.NewPushCommit(e.Base, e.Repo, e.Head),
	}
	if !u.Created() {
		p.Compare += short(u.Before) + "..."
	}
	p.Compare += short(u.After)
	for _, c := range e.Push.Commits {
		p.Commits = append(p.Commits, shape.NewPushCommit(e.Base, e.Repo, c))
	}
	return p
}

// short is a SHA as a URL that compares two commits has it.
func short(sha string) string { return sha[:min(len(sha), 12)] }
