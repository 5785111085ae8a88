package pull

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Listed is a pull request of a repository as lists show it.
func (s *Pulls) Listed(ctx context.Context, repo *actions.Repository, p *actions.Pull) (*shape.Pull, error) {
	v := &shape.Pull{Pull: p, Base: repo}
	var err error
	switch p.HeadRepoID {
	case repo.ID:
		v.Head = repo
	case 0:
	default:
		if v.Head, err = s.Store.Repository(ctx, p.HeadRepoID); err != nil && actions.KindOf(err) != actions.NotFound {
			return nil, err
		}
	}
	if v.Association, err = s.Association(ctx, repo, &p.Author); err != nil {
		return nil, err
	}
	v.Reviewers, err = s.Store.Reviewers(ctx, p.ID)
	return v, err
}

// maxCounted bounds the commits of a pull request that are counted.
const maxCounted = 10_000

// Whole is a pull request with all that is told of one.
func (s *Pulls) Whole(ctx context.Context, repo *actions.Repository, p *actions.Pull) (*shape.Pull, error) {
	v, err := s.Listed(ctx, repo, p)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	view, none := s.Git.View(p.RepoID), actions.Page{Number: 1, Size: 0}
	from, err := view.MergeBase(limited, p.BaseSHA, p.HeadSHA)
	if err == nil && from != "" {
		if v.Commits, err = view.CountBetween(limited, p.BaseSHA, p.HeadSHA, maxCounted); err == nil {
			changes, cerr := view.ChangesBetween(limited, from, p.HeadSHA, none)
			if err = cerr; err == nil {
				v.Files, v.Additions, v.Deletions = changes.Total, changes.Additions, changes.Deletions
			}
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.Log.WarnContext(ctx, "size of a pull request not found", "repo", p.RepoID, "pull", p.Number, "err", err)
	}
	v.MergeState, err = s.mergeState(ctx, p)
	return v, err
}

// mergeState is GitHub's word for what keeps a pull request from being merged.
func (s *Pulls) mergeState(_ context.Context, p *actions.Pull) (string, error) {
	switch {
	case p.State != actions.PullOpen || p.Mergeable == actions.MergeUnknown:
		return "unknown", nil
	case p.Mergeable == actions.MergeConflicts:
		return "dirty", nil
	case p.Draft:
		return "draft", nil
	}
	return "clean", nil
}

// Association is GitHub's word for what an account has to do with a repository.
func (s *Pulls) Association(ctx context.Context, repo *actions.Repository, a *actions.Account) (string, error) {
	if a.ID == repo.Owner.ID {
		return "OWNER", nil
	}
	if repo.Owner.Type == actions.Organization {
		member, _, err := s.Store.Member(ctx, repo.Owner.ID, a.ID)
		if err != nil {
			return "", err
		}
		if member {
			return "MEMBER", nil
		}
	}
	p, err := s.Store.Collaborator(ctx, repo.ID, a.ID)
	if err != nil {
		return "", err
	}
	if p > actions.NoAccess {
		return "COLLABORATOR", nil
	}
	merged, err := s.Store.HasMergedPull(ctx, repo.ID, a.ID)
	if err != nil || !merged {
		return "NONE", err
	}
	return "CONTRIBUTOR", nil
}
