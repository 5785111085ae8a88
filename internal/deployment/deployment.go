// Package deployment keeps what is to be brought where, and how far that is.
//
// A deployment and each of its statuses are written together with the event that they are,
// so the runs that do the work start whoever is killed in between.
package deployment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/trigger"
)

// Config is what deployments need. All fields are required.
type Config struct {
	Store        *store.Store
	Git          *gitrepo.Git
	Repositories *repository.Repositories
	Protections  *protect.Protections
	Trigger      *trigger.Trigger
	Now          func() time.Time
}

// Deployments is safe for concurrent use.
type Deployments struct{ Config }

// New makes the service.
func New(c Config) *Deployments { return &Deployments{c} }

const (
	maxDeployments = 10_000 // of a repository
	maxStatuses    = 1000   // of a deployment
	maxSuperseded  = 100    // by one status
)

// An Actor is who deploys.
type Actor struct {
	Account *actions.Account
	ByJob   bool
	Base    shape.Base
	Push    repository.PushFunc // what a push of theirs does
}

// A Request asks for a deployment.
type Request struct {
	*actions.Deployment
	AutoMerge bool
	Contexts  *[]string // that must have passed; nil for all that there are
}

// Create makes a deployment. Where its branch had to be brought up to date with the default
// branch first, nothing is made, and merged says so.
func (s *Deployments) Create(ctx context.Context, repo *actions.Repository, by Actor, r Request) (merged string, err error) {
	d := r.Deployment
	if err := d.Check(); err != nil {
		return "", err
	}
	if d.SHA, d.FullRef, err = s.find(ctx, repo, d.Ref); err != nil {
		return "", err
	}
	if r.AutoMerge && strings.HasPrefix(d.FullRef, actions.BranchPrefix) {
		if merged, err = s.merge(ctx, repo, by, d); err != nil || merged != "" {
			return merged, err
		}
	}
	if err := s.passed(ctx, repo, r); err != nil {
		return "", err
	}
	head, err := s.Git.View(repo.ID).Commit(ctx, d.SHA)
	if err != nil {
		return "", err
	}
	now := s.Now()
	d.RepoID, d.Creator, d.Original, d.CreatedAt, d.UpdatedAt = repo.ID, *by.Account, d.Environment, now, now
	var p *actions.Push
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.CountDeployments(ctx, repo.ID)
		if err == nil && n >= maxDeployments {
			err = actions.Errorf(actions.Invalid, "a repository has at most %d deployments: delete some", maxDeployments)
		}
		if err == nil {
			err = tx.CreateDeployment(ctx, d)
		}
		if err == nil {
			p, err = s.Trigger.Happen(ctx, tx, s.event("deployment", repo, by, d, nil, &head.Commit))
		}
		return err
	})
	if err != nil {
		return "", err
	}
	s.Trigger.Happened(ctx, by.Base, p)
	return "", nil
}

func (s *Deployments) event(name string, repo *actions.Repository, by Actor, d *actions.Deployment, status *actions.DeploymentStatus, head *actions.Commit) *event.Event {
	return &event.Event{
		Name: name, Repo: repo, Actor: by.Account, ByJob: by.ByJob, Base: by.Base, Ref: d.FullRef, Head: head,
		Deployment: &event.Deployment{Deployment: d, Status: status},
	}
}

// find is the commit that a branch, a tag or a SHA stands for, and the full name of the first
// two.
func (s *Deployments) find(ctx context.Context, repo *actions.Repository, ref string) (sha, full string, err error) {
	sha, err = s.Repositories.CommitOf(ctx, repo.ID, ref, false)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return "", "", actions.Errorf(actions.Invalid, "No ref found for: %s", actions.Clip(ref, 255))
	}
	if err != nil || gitrepo.IsSHA(ref) {
		return sha, "", err
	}
	view := s.Git.View(repo.ID)
	for _, name := range []string{actions.BranchPrefix + ref, actions.TagPrefix + ref, ref} {
		if _, err := view.Ref(name); err == nil && actions.IsFullRef(name) {
			return sha, name, nil
		}
	}
	return sha, "", nil
}

// merge merges the default branch into the branch that is to be deployed, where that is behind,
// and says so.
func (s *Deployments) merge(ctx context.Context, repo *actions.Repository, by Actor, d *actions.Deployment) (string, error) {
	view, branch := s.Git.View(repo.ID), actions.ShortRef(d.FullRef)
	base, err := view.Ref(actions.BranchPrefix + repo.DefaultBranch)
	if actions.KindOf(err) == actions.NotFound || err == nil && branch == repo.DefaultBranch {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if has, err := view.IsAncestor(ctx, base, d.SHA); err != nil || has {
		return "", err
	}
	draft, err := s.Git.Draft(ctx, repo.ID)
	if err != nil {
		return "", err
	}
	defer draft.Close()
	conflict := actions.Errorf(actions.Conflict, "Conflict merging %s into %s.", repo.DefaultBranch, branch)
	tree, err := draft.Merge(ctx, d.SHA, base)
	if errors.Is(err, gitrepo.ErrConflicts) {
		return "", conflict
	}
	if err != nil {
		return "", err
	}
	who := repository.SignatureOf(by.Account, by.Base.Hostname(), s.Now())
	c := &gitrepo.Commit{
		Commit:  actions.Commit{Tree: tree, Author: who, Committer: who, Message: fmt.Sprintf("Merge %s into %s", repo.DefaultBranch, branch)},
		Parents: []string{d.SHA, base},
	}
	if err := draft.Commit(ctx, c); err != nil {
		return "", err
	}
	var done func(context.Context, []actions.RefUpdate) error
	u := actions.RefUpdate{Ref: d.FullRef, Before: d.SHA, After: c.SHA}
	err = s.Git.MoveTo(ctx, draft, u, c.Parents, gitrepo.ReceiveOptions{
		Check: func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (err error) {
			done, err = by.Push(ctx, updates, view)
			return err
		},
		Done: func(ctx context.Context, applied []actions.RefUpdate) error { return done(ctx, applied) },
	})
	if r, ok := errors.AsType[*gitrepo.Refusal](err); ok {
		return "", actions.Errorf(actions.Forbidden, "%s", strings.TrimPrefix(r.Error(), u.Ref+": "))
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Auto-merged %s into %s on deployment.", repo.DefaultBranch, branch), nil
}

// passed is a Conflict unless the checks that a deployment needs have passed.
func (s *Deployments) passed(ctx context.Context, repo *actions.Repository, r Request) error {
	if r.Contexts != nil && len(*r.Contexts) == 0 {
		return nil
	}
	all, err := s.Protections.Results(ctx, repo.ID, r.SHA)
	if err != nil {
		return err
	}
	failed := actions.Errorf(actions.Conflict, "Conflict: Commit status checks failed for %s.", r.Ref)
	seen := map[string]bool{}
	for _, c := range all {
		if r.Contexts != nil && !slices.Contains(*r.Contexts, c.Name) {
			continue
		}
		if seen[c.Name] = true; !c.Passed() {
			return failed
		}
	}
	if r.Contexts == nil {
		return nil
	}
	for _, name := range *r.Contexts {
		if !seen[name] {
			return failed
		}
	}
	return nil
}

// SetStatus says how far a deployment is. Where that is done, others to the same environment
// are not active any more, if inactive says so.
func (s *Deployments) SetStatus(ctx context.Context, repo *actions.Repository, by Actor, d *actions.Deployment, status *actions.DeploymentStatus, inactive bool) error {
	_, total, err := s.Store.DeploymentStatuses(ctx, d.ID, store.Page{Number: 1, Size: 1})
	if err != nil {
		return err
	}
	if total >= maxStatuses {
		return actions.Errorf(actions.Invalid, "a deployment has at most %d statuses", maxStatuses)
	}
	status.Environment, status.Creator, status.CreatedAt = cmp.Or(status.Environment, d.Environment), *by.Account, s.Now()
	if err := status.Check(); err != nil {
		return err
	}
	var head *actions.Commit
	if c, err := s.Git.View(repo.ID).Commit(ctx, d.SHA); err == nil {
		head = &c.Commit
	} else if actions.KindOf(err) != actions.NotFound {
		return err
	}
	var p *actions.Push
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		is := *d
		is.Environment, is.UpdatedAt = status.Environment, status.CreatedAt
		if err := tx.CreateDeploymentStatus(ctx, &is, status); err != nil {
			return err
		}
		if err := tx.UpdateDeployment(ctx, &is); err != nil {
			return err
		}
		if inactive && status.State == actions.DeploymentSuccess {
			if err := s.supersede(ctx, tx, by, &is); err != nil {
				return err
			}
		}
		if status.State == actions.DeploymentInactive || head == nil { // the former starts nothing, as on GitHub
			return nil
		}
		p, err = s.Trigger.Happen(ctx, tx, s.event("deployment_status", repo, by, &is, status, head))
		return err
	})
	if err != nil {
		return err
	}
	s.Trigger.Happened(ctx, by.Base, p)
	return nil
}

// supersede says of deployments whose place another takes that they are not active.
func (s *Deployments) supersede(ctx context.Context, tx *store.Tx, by Actor, d *actions.Deployment) error {
	list, err := tx.SupersededDeployments(ctx, d, maxSuperseded)
	for _, old := range list {
		if err == nil {
			err = tx.CreateDeploymentStatus(ctx, old, &actions.DeploymentStatus{
				State: actions.DeploymentInactive, Environment: old.Environment, Creator: *by.Account, CreatedAt: s.Now(),
			})
		}
	}
	return err
}

// Delete removes a deployment that is not active, or the only one.
func (s *Deployments) Delete(ctx context.Context, d *actions.Deployment) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.CountDeployments(ctx, d.RepoID)
		if err != nil {
			return err
		}
		newest, _, err := tx.DeploymentStatuses(ctx, d.ID, store.Page{Number: 1, Size: 1})
		if err != nil {
			return err
		}
		if n > 1 && len(newest) > 0 && newest[0].State == actions.DeploymentSuccess {
			return actions.Errorf(actions.Invalid, "We cannot delete an active deployment unless it is the only deployment in a given repository.")
		}
		return tx.DeleteDeployment(ctx, d)
	})
}
