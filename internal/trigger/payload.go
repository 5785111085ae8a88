package trigger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/shape"
)

const (
	maxCommits = 1000 // beyond it path filters are not looked at (TRG-7)
	maxListed  = 20   // commits in a payload
)

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

func (p *push) payload(ctx context.Context, head *gitrepo.Commit) ([]byte, error) {
	u := p.update
	event := &pushPayload{
		Ref: u.Ref, Before: u.Before, After: u.After, Created: u.Created(), Deleted: u.Deleted(),
		Repository: shape.NewPushRepository(p.base, p.repo),
		Pusher:     shape.Person{Name: p.actor.Login, Email: shape.Null(p.actor.Email)},
		Sender:     shape.NewSimpleUser(p.base, p.actor),
		Compare:    p.base.HTML + "/" + p.repo.FullName() + "/compare/",
		Commits:    []*shape.PushCommit{},
		HeadCommit: shape.NewPushCommit(p.base, p.repo, &head.Commit),
	}
	if u.Created() {
		event.Compare += short(u.After)
	} else {
		event.Compare += short(u.Before) + "..." + short(u.After)
		ahead, err := p.ahead(ctx, head)
		if err != nil {
			return nil, err
		}
		event.Forced = !ahead
	}
	commits, err := p.commits(ctx, head)
	if err != nil {
		return nil, err
	}
	for _, c := range commits {
		clip(&c.Commit)
		event.Commits = append(event.Commits, shape.NewPushCommit(p.base, p.repo, &c.Commit))
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	return payload, nil
}

// ahead says whether the ref moved forward.
func (p *push) ahead(ctx context.Context, head *gitrepo.Commit) (bool, error) {
	if p.from == actions.ZeroSHA { // it was a tag about something else
		return false, nil
	}
	return p.view.IsAncestor(ctx, p.from, head.SHA)
}

// commits are the newest ones of the push, oldest first.
func (p *push) commits(ctx context.Context, head *gitrepo.Commit) ([]*gitrepo.Commit, error) {
	var (
		list []*gitrepo.Commit
		err  error
	)
	if p.from == actions.ZeroSHA {
		list, _, err = p.view.NewCommits(ctx, p.update.Ref, head.SHA, maxListed)
	} else {
		list, _, err = p.view.CommitsBetween(ctx, p.from, head.SHA, maxListed)
	}
	return list, err
}

func short(sha string) string { return sha[:12] }
