package pull

import (
	"context"
	"errors"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
)

// Check tries to merge an open pull request, unless that is known already, and keeps what
// came of it: in p, in the store and as the ref of the merge. Where it cannot be told,
// because it takes too long or a branch is gone, [actions.Pull.Mergeable] stays unknown.
func (s *Pulls) Check(ctx context.Context, p *actions.Pull) error {
	if p.State != actions.PullOpen || p.Mergeable != actions.MergeUnknown {
		return nil
	}
	base, err := s.Git.View(p.RepoID).Ref(actions.BranchPrefix + p.BaseRef)
	if actions.KindOf(err) == actions.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	sha, err := s.try(ctx, p, base)
	now := *p
	now.BaseSHA = base
	switch {
	case err == nil:
		now.Mergeable, now.MergeSHA = actions.MergeClean, sha
	case errors.Is(err, gitrepo.ErrConflicts):
		now.Mergeable, now.MergeSHA = actions.MergeConflicts, ""
	case actions.KindOf(err) == actions.Unavailable:
		s.Log.InfoContext(ctx, "pull request not merged in time", "repo", p.RepoID, "pull", p.Number)
	default:
		return err
	}
	kept, err := s.Store.CheckedPull(ctx, &now)
	if err == nil && kept {
		p.Mergeable, p.MergeSHA, p.BaseSHA = now.Mergeable, now.MergeSHA, now.BaseSHA
	}
	return err
}

// try makes the commit that a merge would be, and the ref that leads to it.
func (s *Pulls) try(ctx context.Context, p *actions.Pull, base string) (string, error) {
	if err := s.Git.SetPullRef(ctx, p.RepoID, p.HeadName(), p.HeadSHA); err != nil { // also where a server died before it could
		return "", err
	}
	draft, err := s.Git.Draft(ctx, p.RepoID)
	if err != nil {
		return "", err
	}
	defer draft.Close()
	c, err := s.merged(ctx, draft, p, base)
	if err != nil {
		return "", err
	}
	if err := draft.Keep(ctx, c.SHA, base, p.HeadSHA); err != nil {
		return "", err
	}
	return c.SHA, s.Git.SetPullRef(ctx, p.RepoID, p.MergeName(), c.SHA)
}

// merged makes the commit by which the base gets the head.
func (s *Pulls) merged(ctx context.Context, draft *gitrepo.Draft, p *actions.Pull, base string) (*gitrepo.Commit, error) {
	tree, err := draft.Merge(ctx, base, p.HeadSHA)
	if err != nil {
		return nil, err
	}
	who := actions.Signature{Name: p.Author.Login, Email: "noreply@localhost", Time: s.Now()}
	c := &gitrepo.Commit{
		Commit:  actions.Commit{Tree: tree, Message: "Merge " + p.HeadSHA + " into " + base, Author: who, Committer: who},
		Parents: []string{base, p.HeadSHA},
	}
	return c, draft.Commit(ctx, c)
}

const (
	atOnce     = 20          // pull requests that are read together
	betweenRun = time.Minute // looks for pull requests that nobody has told of
)

// Run tries to merge the open pull requests whose branches have moved, until ctx ends: so
// that who asks for one, or fetches its refs, finds it as the branches are. A pull request
// that fails is tried again a minute later.
func (s *Pulls) Run(ctx context.Context) error {
	tick := time.NewTicker(betweenRun)
	defer tick.Stop()
	for {
		if err := s.checkAll(ctx); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "pull requests not checked", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		}
	}
}

func (s *Pulls) checkAll(ctx context.Context) error {
	var failed error
	for after := int64(0); ; {
		list, err := s.Store.UncheckedPulls(ctx, after, atOnce)
		if err != nil || len(list) == 0 {
			return errors.Join(failed, err)
		}
		for _, p := range list {
			after = p.ID
			if err := s.Check(ctx, p); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				failed = err
			}
		}
	}
}

// later has [Pulls.Run] look soon.
func (s *Pulls) later() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
