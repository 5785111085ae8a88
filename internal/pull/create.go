package pull

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Request is a pull request that somebody asks for.
type Request struct {
	Title, Body string
	Draft       bool
	Base        string // branch of the repository
	Head        string // "branch", or "owner:branch" of a repository of its network
	HeadRepo    string // name of the head's repository, where its owner has several; empty for the only one
}

// Create makes a pull request in a repository. What cannot be is Invalid, in GitHub's
// words.
func (s *Pulls) Create(ctx context.Context, by Actor, repo *actions.Repository, n Request) (*actions.Pull, error) {
	if err := by.mayCreate(ctx, repo); err != nil {
		return nil, err
	}
	if err := s.mayJobs(ctx, by, repo, actions.Errorf(actions.Forbidden, "GitHub Actions is not permitted to create or approve pull requests.")); err != nil {
		return nil, err
	}
	owner, head := ParseHead(n.Head)
	if head == "" {
		return nil, actions.Missing(Resource, "head")
	}
	from, err := s.from(ctx, by, repo, owner, n.HeadRepo)
	if err != nil {
		return nil, err
	}
	if err := actions.CheckPullText(n.Title, n.Body); err != nil {
		return nil, err
	}
	p := &actions.Pull{
		RepoID: repo.ID, Title: n.Title, Body: n.Body, State: actions.PullOpen, Draft: n.Draft, Author: *by.Account,
		BaseRef: n.Base, HeadRepoID: from.ID, HeadOwner: from.Owner, HeadRef: head, CreatedAt: s.Now(), UpdatedAt: s.Now(),
	}
	if p.BaseSHA, err = s.branch(repo.ID, n.Base, "base"); err != nil {
		return nil, err
	}
	if p.HeadSHA, err = s.branch(from.ID, head, "head"); err != nil {
		return nil, err
	}
	if err := s.compare(ctx, p); err != nil {
		return nil, err
	}
	var push *actions.Push
	err = s.Store.Update(ctx, func(tx *store.Tx) (err error) {
		if err := only(ctx, tx, p); err != nil {
			return err
		}
		if err := tx.CreatePull(ctx, p); err != nil {
			return err
		}
		push, err = s.note(ctx, tx, p, by.Account.ID, by.ByJob, by.Base.HTML, actions.PullEvent{Action: "opened"})
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "pull request made", "repo", repo.ID, "pull", p.Number)
	ctx = context.WithoutCancel(ctx)
	if err := s.Git.SetPullRef(ctx, p.RepoID, p.HeadName(), p.HeadSHA); err != nil { // it is tried again
		s.Log.ErrorContext(ctx, "ref of a pull request not made", "repo", repo.ID, "pull", p.Number, "err", err)
	}
	s.announce(ctx, by, []*actions.Push{push})
	return s.Store.Pull(ctx, p.ID)
}

// branch is where a branch stands; field is what names it.
func (s *Pulls) branch(repoID int64, name, field string) (string, error) {
	if name == "" {
		return "", actions.Missing(Resource, field)
	}
	if actions.CheckBranch(name) != nil {
		return "", actions.BadField(Resource, field)
	}
	sha, err := s.Git.View(repoID).Ref(actions.BranchPrefix + name)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return "", actions.BadField(Resource, field)
	}
	return sha, err
}

func refuse(format string, args ...any) error {
	return actions.InField(Resource, "", actions.Errorf(actions.Invalid, format, args...))
}

// compare brings the head of a pull request to its base, and refuses one that asks for
// nothing.
func (s *Pulls) compare(ctx context.Context, p *actions.Pull) error {
	if p.FromFork() {
		if err := s.Git.Take(ctx, p.RepoID, p.HeadRepoID, []string{p.HeadSHA}); err != nil {
			return err
		}
	}
	view := s.Git.View(p.RepoID)
	n, err := view.CountBetween(ctx, p.BaseSHA, p.HeadSHA, 1)
	if err != nil {
		return err
	}
	if n == 0 {
		return refuse("No commits between %s and %s", p.BaseRef, headName(p))
	}
	from, err := view.MergeBase(ctx, p.BaseSHA, p.HeadSHA)
	if err == nil && from == "" {
		err = refuse("The %s branch has no history in common with %s", headName(p), p.BaseRef)
	}
	return err
}

// headName is the head of a pull request as people of the repository call it.
func headName(p *actions.Pull) string {
	if p.FromFork() {
		return p.Label()
	}
	return p.HeadRef
}

// only refuses a pull request between the branches of another open one.
func only(ctx context.Context, tx *store.Tx, p *actions.Pull) error {
	open, err := tx.OpenPullsFrom(ctx, p.HeadRepoID, p.HeadRef, maxHeads)
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.RepoID == p.RepoID && o.BaseRef == p.BaseRef && o.ID != p.ID {
			return refuse("A pull request already exists for %s.", p.Label())
		}
	}
	if len(open) == maxHeads {
		return refuse("There are %d pull requests for %s already.", maxHeads, p.Label())
	}
	return nil
}
