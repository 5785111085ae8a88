package repository

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
)

// CommitOf finds the commit that rev stands for in a repository, as
// [gitrepo.View.Resolve] does, or the only one whose SHA begins with it. One that is named
// by its SHA must be of those that the
// caller may know of: a branch or tag leads to it, or runs is set, for a caller who may
// read runs, and it is the commit of one. Any other is NotFound, though it may be there:
// what was deleted or pushed over may have been secret.
func (s *Repositories) CommitOf(ctx context.Context, id int64, rev string, runs bool) (string, error) {
	view := s.git.View(id)
	sha, err := view.Resolve(ctx, rev)
	short := actions.KindOf(err) == actions.NotFound && gitrepo.IsAbbreviation(rev)
	if short {
		sha, err = view.Abbreviated(ctx, rev)
	}
	if err != nil || !short && !gitrepo.IsSHA(rev) {
		return sha, err
	}
	known, err := view.Reachable(ctx, sha, s.Known(id, runs))
	if err == nil && !known {
		err = actions.Errorf(actions.NotFound, "no commit found for %q", rev)
	}
	return sha, err
}

// Known is which commits of a repository somebody may know of though no ref leads to
// them: those of runs, for who may read runs.
func (s *Repositories) Known(id int64, runs bool) gitrepo.Known {
	if !runs {
		return nil
	}
	return func(ctx context.Context, shas []string) ([]string, error) {
		return s.store.RunHeads(ctx, id, shas)
	}
}
