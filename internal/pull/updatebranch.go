package pull

import (
	"context"
	"errors"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/repository"
)

var errOtherHead = actions.Errorf(actions.Invalid, "expected head sha didn’t match current head ref.")

// UpdateBranch merges the base of an open pull request into its head, or rebases the head
// onto the base, as a push of the actor to the head. expected is where the head must be;
// empty for anywhere.
func (s *Pulls) UpdateBranch(ctx context.Context, by Actor, p *actions.Pull, expected string, rebase bool) error {
	switch {
	case expected != "" && expected != p.HeadSHA:
		return errOtherHead
	case p.State != actions.PullOpen:
		return actions.Errorf(actions.Invalid, "Cannot update the branch of a pull request that is closed")
	case p.HeadRepoID == 0:
		return actions.Errorf(actions.Invalid, "The repository that submitted this pull request has been deleted.")
	}
	from, err := s.Store.Repository(ctx, p.HeadRepoID)
	if err != nil {
		return err
	}
	may, err := by.May(ctx, from, Push)
	if err == nil && !may || from.Archived {
		err = errors.Join(err, actions.Errorf(actions.Forbidden, "Must have write access to the head repository."))
	}
	if err != nil {
		return err
	}
	base, err := s.Git.View(p.RepoID).Ref(actions.BranchPrefix + p.BaseRef)
	if err != nil {
		return err
	}
	if has, err := s.Git.View(p.RepoID).IsAncestor(ctx, base, p.HeadSHA); err != nil || has {
		return errors.Join(err, actions.Errorf(actions.Invalid, "There are no new commits on the base branch."))
	}
	if p.FromFork() {
		if err := s.Git.Take(ctx, from.ID, p.RepoID, []string{base}); err != nil {
			return err
		}
	}
	draft, err := s.Git.Draft(ctx, from.ID)
	if err != nil {
		return err
	}
	defer draft.Close()
	sha, err := s.updated(ctx, draft, by, p, base, rebase)
	if errors.Is(err, gitrepo.ErrConflicts) || rebase && actions.KindOf(err) == actions.Invalid {
		return actions.Errorf(actions.Invalid, "merge conflict between base and head")
	}
	if err != nil {
		return err
	}
	u := actions.RefUpdate{Ref: actions.BranchPrefix + p.HeadRef, Before: p.HeadSHA, After: sha}
	err = s.pushTo(ctx, by, from, nil, draft, u, []string{base, p.HeadSHA}, func(context.Context) error { return nil })
	if actions.KindOf(err) == actions.Conflict {
		return errOtherHead
	}
	return err
}

// updated makes the commit by which the head gets the base.
func (s *Pulls) updated(ctx context.Context, draft *gitrepo.Draft, by Actor, p *actions.Pull, base string, rebase bool) (string, error) {
	who := repository.SignatureOf(by.Account, by.Base.Hostname(), s.Now())
	if rebase {
		return draft.Rebase(ctx, base, p.HeadSHA, who, maxRebased)
	}
	tree, err := draft.Merge(ctx, p.HeadSHA, base)
	if err != nil {
		return "", err
	}
	c := &gitrepo.Commit{
		Commit:  actions.Commit{Tree: tree, Message: "Merge branch '" + p.BaseRef + "' into " + p.HeadRef, Author: who, Committer: who},
		Parents: []string{p.HeadSHA, base},
	}
	err = draft.Commit(ctx, c)
	return c.SHA, err
}
