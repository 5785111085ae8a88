// Package check says how commits stand: by the jobs of their runs, which are check runs,
// and by check runs and statuses that tools report.
//
// What a tool reports is written together with the events that it is, so runs that wait for it start,
// whoever is killed in between.
package check

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/trigger"
)

// Checks is safe for concurrent use.
type Checks struct {
	store   *store.Store
	git     *gitrepo.Git
	trigger *trigger.Trigger
	now     func() time.Time
}

// New makes the service.
func New(st *store.Store, git *gitrepo.Git, tr *trigger.Trigger, now func() time.Time) *Checks {
	return &Checks{st, git, tr, now}
}

const (
	maxOfContext = 1000 // statuses of a commit with one context, as on GitHub
	maxOfCommit  = 10_000
	maxBranches  = 10 // in a payload
)

// SetStatus adds a status of a commit of a repository, which is known to be there.
func (c *Checks) SetStatus(ctx context.Context, base shape.Base, repo *actions.Repository, s *actions.CommitStatus, byJob bool) error {
	if err := s.Check(); err != nil {
		return err
	}
	commit, err := c.git.View(repo.ID).Commit(ctx, s.SHA)
	if err != nil {
		return err
	}
	branches, err := c.branches(ctx, repo.ID, s.SHA)
	if err != nil {
		return err
	}
	rules, err := c.store.Protections(ctx, repo.ID)
	if err != nil {
		return err
	}
	protected := map[string]bool{}
	for name := range rules {
		protected[name] = true
	}
	s.RepoID, s.CreatedAt = repo.ID, c.now()
	var p *actions.Push
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		of, all, err := tx.CountStatuses(ctx, repo.ID, s.SHA, s.Context)
		if err != nil {
			return err
		}
		if of >= maxOfContext || all >= maxOfCommit {
			return actions.InField("Status", "base", actions.Errorf(actions.Invalid, "This SHA and context has reached the maximum number of statuses."))
		}
		if err := tx.CreateStatus(ctx, s); err != nil {
			return err
		}
		p, err = c.trigger.Happen(ctx, tx, &event.Event{
			Name: "status", Repo: repo, Actor: &s.Creator, ByJob: byJob, Base: base,
			Status: &event.Status{Status: s, Commit: &commit.Commit, Parents: commit.Parents, Branches: branches, Protected: protected},
		})
		return err
	})
	if err != nil {
		return err
	}
	c.trigger.Happened(ctx, base, p)
	return nil
}

// branches are those that stand at a commit, as payloads have them.
func (c *Checks) branches(ctx context.Context, repoID int64, sha string) ([]string, error) {
	refs, err := c.git.View(repoID).Refs(ctx, actions.BranchPrefix)
	var branches []string
	for _, r := range refs {
		if r.SHA == sha && len(branches) < maxBranches {
			branches = append(branches, actions.ShortRef(r.Name))
		}
	}
	return branches, err
}
