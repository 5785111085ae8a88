package pull

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Listed are pull requests of a repository as lists show them.
func (s *Pulls) Listed(ctx context.Context, repo *actions.Repository, pulls ...*actions.Pull) ([]*shape.Pull, error) {
	var ids, authors, heads []int64
	for _, p := range pulls {
		ids = append(ids, p.ID)
		authors = append(authors, p.Author.ID)
		if p.FromFork() && p.HeadRepoID != 0 {
			heads = append(heads, p.HeadRepoID)
		}
	}
	forks, err := s.Store.RepositoriesOf(ctx, heads)
	if err != nil {
		return nil, err
	}
	reviewers, err := s.Store.Reviewers(ctx, ids)
	if err != nil {
		return nil, err
	}
	words, err := s.Store.Associations(ctx, repo, authors)
	if err != nil {
		return nil, err
	}
	list := make([]*shape.Pull, len(pulls))
	for i, p := range pulls {
		list[i] = &shape.Pull{Pull: p, Base: repo, Head: forks[p.HeadRepoID], Association: words[p.Author.ID], Reviewers: reviewers[p.ID]}
		if !p.FromFork() {
			list[i].Head = repo
		}
	}
	return list, nil
}

// maxCounted bounds the commits of a pull request that are counted.
const maxCounted = 10_000

// Whole is a pull request with all that is told of one.
func (s *Pulls) Whole(ctx context.Context, repo *actions.Repository, p *actions.Pull) (*shape.Pull, error) {
	list, err := s.Listed(ctx, repo, p)
	if err != nil {
		return nil, err
	}
	v := list[0]
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
	v.MergeState, err = s.mergeState(ctx, repo, p)
	return v, err
}

// mergeState is GitHub's word for what keeps a pull request from being merged.
func (s *Pulls) mergeState(ctx context.Context, repo *actions.Repository, p *actions.Pull) (string, error) {
	switch {
	case p.State != actions.PullOpen || p.Mergeable == actions.MergeUnknown:
		return "unknown", nil
	case p.Mergeable == actions.MergeConflicts:
		return "dirty", nil
	case p.Draft:
		return "draft", nil
	}
	st, err := s.Protect.State(ctx, repo, p)
	if err != nil {
		return "", err
	}
	return st.Word(), nil
}

// Association is GitHub's word for what an account has to do with a repository.
func (s *Pulls) Association(ctx context.Context, repo *actions.Repository, a *actions.Account) (string, error) {
	words, err := s.Store.Associations(ctx, repo, []int64{a.ID})
	return words[a.ID], err
}

// AssociationsOf are those words for the authors of reviews, by their ids.
func (s *Pulls) AssociationsOf(ctx context.Context, repo *actions.Repository, reviews []*actions.Review) (map[int64]string, error) {
	var ids []int64
	for _, v := range reviews {
		ids = append(ids, v.Author.ID)
	}
	return s.Store.Associations(ctx, repo, ids)
}
