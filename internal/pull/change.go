package pull

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Change is what somebody changes of a pull request; nil for what stays.
type Change struct {
	Title, Body, Base *string
	State             *actions.PullState
	Draft             *bool
}

// Update changes a pull request of a repository.
func (s *Pulls) Update(ctx context.Context, by Actor, repo *actions.Repository, number int64, c Change) (*actions.Pull, error) {
	p, err := s.Store.PullByNumber(ctx, repo.ID, number)
	if err == nil {
		err = by.mayChange(ctx, repo, p)
	}
	if err != nil {
		return nil, err
	}
	head, err := s.reopened(ctx, p, c)
	if err != nil {
		return nil, err
	}
	if c.Base != nil && *c.Base != p.BaseRef {
		moved := *p
		moved.BaseRef = *c.Base
		if moved.BaseSHA, err = s.branch(repo.ID, *c.Base, "base"); err != nil {
			return nil, err
		}
		if err := s.compare(ctx, &moved); err != nil {
			return nil, err
		}
	}
	var list []*actions.Push
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		list = nil
		p, err := tx.PullByNumber(ctx, repo.ID, number)
		if err != nil {
			return err
		}
		checked := p.Mergeable != actions.MergeUnknown
		events, err := s.apply(p, c, head)
		if err != nil || len(events) == 0 {
			return err
		}
		if p.State == actions.PullOpen {
			if err := only(ctx, tx, p); err != nil {
				return err
			}
		}
		if err := tx.UpdatePull(ctx, p, checked && p.Mergeable != actions.MergeUnknown); err != nil {
			return err
		}
		for _, e := range events {
			push, err := s.note(ctx, tx, p, by.Account.ID, by.ByJob, by.Base.HTML, e)
			if err != nil {
				return err
			}
			list = append(list, push)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.announce(context.WithoutCancel(ctx), by, list)
	return s.Store.Pull(ctx, p.ID)
}

// reopened is where the head of a pull request stands that is to be opened again; empty
// for another change.
func (s *Pulls) reopened(ctx context.Context, p *actions.Pull, c Change) (string, error) {
	if c.State == nil || *c.State != actions.PullOpen || p.State == actions.PullOpen {
		return "", nil
	}
	state := func(format string, args ...any) error {
		return actions.InField(Resource, "state", actions.Errorf(actions.Invalid, "state cannot be changed. "+format, args...))
	}
	if p.HeadRepoID == 0 {
		return "", state("The repository that submitted this pull request has been deleted.")
	}
	sha, err := s.branch(p.HeadRepoID, p.HeadRef, "head")
	if actions.KindOf(err) == actions.Invalid {
		return "", state("The %s branch has been deleted.", p.HeadRef)
	}
	if err != nil {
		return "", err
	}
	if _, err := s.branch(p.RepoID, p.BaseRef, "base"); actions.KindOf(err) == actions.Invalid {
		return "", state("The %s branch has been deleted.", p.BaseRef)
	}
	again := *p
	again.HeadSHA = sha
	if err := s.compare(ctx, &again); err != nil {
		return "", err
	}
	return sha, s.Git.SetPullRef(ctx, p.RepoID, p.HeadName(), sha)
}

// apply changes p and says what has happened to it by that.
func (s *Pulls) apply(p *actions.Pull, c Change, head string) (list []actions.PullEvent, err error) {
	was, now := map[string]string{}, s.Now()
	if c.Title != nil && *c.Title != p.Title {
		was["title"], p.Title = p.Title, *c.Title
	}
	if c.Body != nil && *c.Body != p.Body {
		was["body"], p.Body = p.Body, *c.Body
	}
	if err := actions.CheckPullText(p.Title, p.Body); err != nil {
		return nil, err
	}
	if c.Base != nil && *c.Base != p.BaseRef {
		if p.State != actions.PullOpen {
			return nil, actions.InField(Resource, "base", actions.Errorf(actions.Invalid, "Cannot change the base branch of a closed pull request."))
		}
		was["base_ref"], was["base_sha"] = p.BaseRef, p.BaseSHA
		p.BaseRef, p.Mergeable, p.Merging = *c.Base, actions.MergeUnknown, ""
	}
	if len(was) > 0 {
		list = append(list, actions.PullEvent{Action: "edited", Changes: was})
	}
	if c.Draft != nil && *c.Draft != p.Draft {
		p.Draft = *c.Draft
		list = append(list, actions.PullEvent{Action: map[bool]string{true: "converted_to_draft", false: "ready_for_review"}[p.Draft]})
	}
	switch {
	case c.State == nil || *c.State == p.State:
	case *c.State == actions.PullClosed:
		p.Close(now)
		list = append(list, actions.PullEvent{Action: "closed"})
	case *c.State == actions.PullOpen:
		if err := p.Reopen(now); err != nil {
			return nil, err
		}
		p.HeadSHA = head
		list = append(list, actions.PullEvent{Action: "reopened"})
	default:
		return nil, actions.BadField(Resource, "state")
	}
	p.UpdatedAt = now
	return list, nil
}
