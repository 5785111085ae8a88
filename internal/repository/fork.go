package repository

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Fork asks for one.
type Fork struct {
	Of          *actions.Repository
	Owner       *actions.Account // of the fork
	Name        string           // empty for that of the repository
	DefaultOnly bool             // without the other branches, and the tags
	// With does what belongs to it in the same transaction; nil for nothing.
	With func(ctx context.Context, tx *store.Tx, repo *actions.Repository) error
}

// maxNames is how many names are tried for a fork whose own is taken.
const maxNames = 10

var (
	errNoForks = actions.Errorf(actions.Forbidden, "The repository exists, but forking is disabled.")
	errNoGit   = actions.Errorf(actions.Forbidden, "The repository exists, but it contains no Git content. Empty repositories cannot be forked.")
	errOwnFork = actions.Errorf(actions.Forbidden, "You cannot fork your own repository.")
)

// Fork makes a repository with the branches and tags of another one, or finds the one that
// the owner has already. It has its own copy of all objects, so what becomes of the other
// is nothing to it.
func (s *Repositories) Fork(ctx context.Context, f Fork) (*actions.Repository, error) {
	if f.Owner.ID == f.Of.Owner.ID {
		return nil, errOwnFork
	}
	if f.Of.Private && f.Of.Owner.Type == actions.Organization && !f.Of.Options.AllowForking {
		return nil, errNoForks
	}
	is, err := s.store.ForkOf(ctx, f.Of.NetworkID, f.Owner.ID)
	if err == nil {
		return is, s.finish(ctx, is)
	} else if actions.KindOf(err) != actions.NotFound {
		return nil, err
	}
	refs, err := s.forked(ctx, f)
	if err != nil {
		return nil, err
	}
	repo := &actions.Repository{
		Owner: *f.Owner, Name: cmp.Or(f.Name, f.Of.Name), Description: f.Of.Description, Homepage: f.Of.Homepage, Private: f.Of.Private,
		ParentID: f.Of.ID, NetworkID: f.Of.NetworkID,
	}
	if err := s.prepare(repo); err != nil {
		return nil, err
	}
	repo.Options.HasIssues, repo.DefaultBranch, repo.PushedAt = false, f.Of.DefaultBranch, f.Of.PushedAt
	if err := s.enter(ctx, f, repo); err != nil {
		return nil, err
	}
	if err = s.git.Create(ctx, repo.ID, repo.DefaultBranch); err == nil {
		err = s.git.CopyRefs(ctx, repo.ID, f.Of.ID, refs)
	}
	if err == nil {
		s.log.InfoContext(ctx, "repository forked", "repo", repo.ID, "name", repo.FullName(), "of", f.Of.ID)
		return s.store.Repository(ctx, repo.ID)
	}
	ctx = context.WithoutCancel(ctx)
	undo := func(tx *store.Tx) error { return tx.DeleteRepository(ctx, repo.ID, s.now()) }
	if undone := s.store.Update(ctx, undo); undone != nil {
		s.log.ErrorContext(ctx, "fork left without its files", "repo", repo.ID, "err", undone)
	} else if gone := s.deleteFiles(ctx, repo.ID); gone != nil {
		s.log.WarnContext(ctx, "files of a deleted repository not removed yet", "repo", repo.ID, "err", gone)
	}
	return nil, err
}

// finish gives a fork its files whose server was killed before it had copied them. It is not
// known any more whether only the default branch was asked for.
func (s *Repositories) finish(ctx context.Context, repo *actions.Repository) error {
	if repo.ParentID == 0 || repo.PushedAt.IsZero() { // it was pushed to, or its original was, so it has refs
		return nil
	}
	if refs, err := s.git.View(repo.ID).Refs(ctx, "refs/"); err != nil || len(refs) > 0 {
		return err
	}
	of, err := s.store.Repository(ctx, repo.ParentID)
	if err != nil || of.Private && !repo.Private { // it was public then
		return err
	}
	refs, err := s.forked(ctx, Fork{Of: of})
	if err != nil {
		return err
	}
	return s.git.CopyRefs(ctx, repo.ID, of.ID, refs)
}

// forked are the refs that a fork gets.
func (s *Repositories) forked(ctx context.Context, f Fork) ([]gitrepo.Ref, error) {
	all, err := s.git.View(f.Of.ID).Refs(ctx, "refs/")
	if err != nil {
		return nil, err
	}
	var refs []gitrepo.Ref
	for _, r := range all {
		if r.Name == actions.BranchPrefix+f.Of.DefaultBranch || !f.DefaultOnly && actions.IsFullRef(r.Name) {
			refs = append(refs, r)
		}
	}
	if len(refs) == 0 {
		return nil, errNoGit
	}
	return refs, nil
}

// enter adds the record of a fork, under another name where its own is taken.
func (s *Repositories) enter(ctx context.Context, f Fork, repo *actions.Repository) error {
	name := repo.Name
	for i := 1; ; i++ {
		err := s.store.Update(ctx, func(tx *store.Tx) error {
			if err := tx.StillThere(ctx, repo.Owner.ID); err != nil {
				return err
			}
			repo.ID = 0
			if err := tx.CreateRepository(ctx, repo); err != nil || f.With == nil {
				return err
			}
			return f.With(ctx, tx, repo)
		})
		if err == nil || actions.KindOf(err) != actions.Invalid || !strings.Contains(err.Error(), "already exists") || i == maxNames {
			return badName(err)
		}
		repo.Name = fmt.Sprintf("%s-%d", name, i)
	}
}
